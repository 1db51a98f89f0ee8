// Plays the frames and the forecast in a loop. Every step of the loop is shown, none is skipped,
// and time runs evenly from radar into forecast: a step stays for as long as the next one is later.

import { FRAME_INTERVAL, MINUTE } from "./times.js";

/** Frames of five minutes in a second, by the name of the speed. */
export const SPEEDS = { slow: 5, normal: 10, fast: 20 };
/** First and last minute of a loop, from the newest frame on, by the name of the range. */
export const RANGES = {
  whole: [-Infinity, Infinity],
  hours: [-60, 60],
  radar: [-Infinity, 0],
  forecast: [0, Infinity],
};
/** Shortest duration of a step in ms for users who prefer reduced motion. */
const REDUCED_MOTION_MS = 500;
/** A step stays for at most so many frames, where forecasts have few lead times. */
const MAX_FRAMES = 10;
const PAUSE_AT_END_MS = 1200;

export class Player {
  /**
   * @param {import("./session.js").Session} session
   * @param {object} options - `speed` and `range`, names of `SPEEDS` and `RANGES`.
   * @param {object} callbacks - `onChange()` when it starts or stops; `onNext(step)` with the step
   *   after the displayed one, so that it can be prepared.
   */
  constructor(session, { speed, range }, { onChange, onNext }) {
    Object.assign(this, { session, onChange, onNext });
    this.playing = false;
    this.speed = Object.hasOwn(SPEEDS, speed) ? speed : "normal";
    this.range = Object.hasOwn(RANGES, range) ? range : "whole";
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
    if (now >= this.nextStepAt) this.advance(now);
    requestAnimationFrame((later) => this.tick(later));
  }

  advance(now) {
    const { session } = this;
    const steps = loopSteps(session.steps(), session.newestTime, this.range);
    const frameMs = 1000 / SPEEDS[this.speed];
    const next = nextStep(steps, session.currentStep()?.time);
    if (steps[next]) session.showTime(steps[next].time);
    // Counted from when the step was due, so that small delays do not add up.
    const shownAt = Math.max(this.nextStepAt, now - frameMs / 2);
    this.nextStepAt = shownAt + stepDuration(steps, next, frameMs, this.reducedMotion.matches);
    const following = steps[(next + 1) % Math.max(steps.length, 1)];
    if (following) this.onNext(following);
  }
}

/** Steps in a range of minutes around the newest frame; all if the range has none. */
export function loopSteps(steps, newestTime, range) {
  const [first, last] = RANGES[range];
  const inRange = steps.filter(({ time }) => {
    const minutes = (time - newestTime) / MINUTE;
    return minutes >= first && minutes <= last;
  });
  return inRange.length ? inRange : steps;
}

/** Index of the first step after a time; the first of all after the end. */
export function nextStep(steps, time) {
  return Math.max(steps.findIndex((step) => step.time > (time ?? -Infinity)), 0);
}

/** How long step `k` is shown, in ms. */
export function stepDuration(steps, k, frameMs, reducedMotion) {
  const [step, next] = [steps[k], steps[k + 1]];
  if (!next) return PAUSE_AT_END_MS;
  const frames = Math.min((next.time - step.time) / FRAME_INTERVAL, MAX_FRAMES);
  return Math.max(frames * frameMs, reducedMotion ? REDUCED_MOTION_MS : frameMs);
}
