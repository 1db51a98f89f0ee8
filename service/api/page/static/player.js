// Plays the frames and the forecast in a loop. Every step is shown, none is skipped. Time runs
// evenly, so a forecast stays for as long as its interval; the loop pauses before the first
// forecast and at the end.

import { FRAME_INTERVAL } from "./times.js";

/** Duration of a radar frame. */
const FRAME_MS = 80;
/** Shortest duration of a step for users who prefer reduced motion. */
const REDUCED_MOTION_MS = 500;
const MAX_STEP_MS = 10 * FRAME_MS;
const PAUSE_BEFORE_FORECAST_MS = 500;
const PAUSE_AT_END_MS = 1200;

export class Player {
  constructor(session, onChange) {
    this.session = session;
    this.onChange = onChange;
    this.playing = false;
    this.reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    this.playing = true;
    this.nextStepAt = performance.now();
    this.onChange();
    requestAnimationFrame((now) => this.tick(now));
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.onChange();
  }

  tick(now) {
    if (!this.playing) return;
    if (now >= this.nextStepAt) {
      const steps = this.session.steps();
      const current = steps.indexOf(this.session.currentStep(steps));
      const next = (current + 1) % Math.max(steps.length, 1);
      if (steps[next]) this.session.showTime(steps[next].time);
      // Counted from when the step was due, so that small delays do not add up.
      const shownAt = Math.max(this.nextStepAt, now - FRAME_MS / 2);
      this.nextStepAt = shownAt + stepDuration(steps, next, this.reducedMotion.matches);
    }
    requestAnimationFrame((later) => this.tick(later));
  }
}

/** How long step `k` is shown, in ms. */
export function stepDuration(steps, k, reducedMotion) {
  const [step, next] = [steps[k], steps[k + 1]];
  if (!next) return PAUSE_AT_END_MS;
  const even = Math.min(((next.time - step.time) / FRAME_INTERVAL) * FRAME_MS, MAX_STEP_MS);
  const shortest = reducedMotion ? REDUCED_MOTION_MS : FRAME_MS;
  const pause = step.observed && !next.observed ? PAUSE_BEFORE_FORECAST_MS : 0;
  return Math.max(even, shortest, pause);
}
