// The loop: every frame is shown, none is skipped. Time runs evenly, so that a forecast stands as
// long as it is the newest there is; at the border to the forecast and at the end the loop rests.

import { STEP } from "./times.js";

const STEP_MS = 80;
const CALM_MS = 500;
const REST_MS = 500;
const END_MS = 1200;

export class Player {
  constructor(session, changed) {
    this.session = session;
    this.changed = changed;
    this.playing = false;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    this.playing = true;
    this.due = performance.now();
    this.changed();
    requestAnimationFrame((now) => this.tick(now));
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.changed();
  }

  tick(now) {
    if (!this.playing) return;
    if (now >= this.due) {
      const steps = this.session.steps();
      const at = steps.indexOf(this.session.step(steps));
      const to = (at + 1) % Math.max(steps.length, 1);
      if (steps[to]) this.session.move(steps[to].time);
      // From when it was due, not from when it was drawn, lest small delays add up.
      this.due = Math.max(this.due, now - STEP_MS / 2) + this.stay(steps, to);
    }
    requestAnimationFrame((later) => this.tick(later));
  }

  /** How long a step stands. */
  stay(steps, at) {
    const shortest = this.calm.matches ? CALM_MS : STEP_MS;
    const [now, next] = [steps[at], steps[at + 1]];
    if (!next) return END_MS;
    const even = Math.min(((next.time - now.time) / STEP) * STEP_MS, 10 * STEP_MS);
    return Math.max(even, shortest, now.observed && !next.observed ? REST_MS : 0);
  }
}
