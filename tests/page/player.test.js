// The loop of frames and forecast.

import assert from "node:assert/strict";
import { test } from "node:test";

import { loopSteps, nextStep, RANGES, stepDuration } from "../../service/api/page/static/player.js";
import { MINUTE } from "../../service/api/page/static/times.js";

const NEWEST = Date.parse("2026-06-21T22:20:00Z");
const FRAME_MS = 100;

const stepsAt = (...minutes) =>
  minutes.map((minute) => ({ time: NEWEST + minute * MINUTE, observed: minute <= 0 }));
const fiveMinutes = (first, last) =>
  Array.from({ length: (last - first) / 5 + 1 }, (_, k) => first + 5 * k);
const STEPS = stepsAt(...fiveMinutes(-120, 120));
const minutesOf = (steps) => steps.map(({ time }) => (time - NEWEST) / MINUTE);

test("radar and forecast have the same pace, also from one to the other", () => {
  for (let k = 0; k < STEPS.length - 1; k++) {
    assert.equal(stepDuration(STEPS, k, FRAME_MS, false), FRAME_MS);
  }
  assert.ok(stepDuration(STEPS, STEPS.length - 1, FRAME_MS, false) > FRAME_MS);
});

test("a step stays for as long as the next one is later, up to ten frames", () => {
  const steps = stepsAt(0, 30, 120, 125);
  const durations = steps.slice(0, 3).map((_, k) => stepDuration(steps, k, FRAME_MS, false));
  assert.deepEqual(durations, [600, 1000, 100]);
});

test("steps stay half a second where reduced motion is preferred", () => {
  assert.equal(stepDuration(STEPS, 3, FRAME_MS, true), 500);
});

test("a range of the loop leaves out what is before and after it", () => {
  const inRange = (range) => minutesOf(loopSteps(STEPS, NEWEST, range));
  assert.deepEqual(inRange("whole"), fiveMinutes(-120, 120));
  assert.deepEqual(inRange("hours"), fiveMinutes(-60, 60));
  assert.deepEqual(inRange("radar"), fiveMinutes(-120, 0));
  assert.deepEqual(inRange("forecast"), fiveMinutes(0, 120));
});

test("a range without steps plays all there are", () => {
  const forecast = stepsAt(30, 60);
  for (const range of Object.keys(RANGES)) {
    const played = loopSteps(forecast, NEWEST, range);
    assert.ok(played.length > 0, range);
  }
});

test("the loop goes on from the displayed time, and from its start after its end", () => {
  const steps = loopSteps(STEPS, NEWEST, "hours");
  assert.equal(nextStep(steps, NEWEST), 13);
  assert.equal(nextStep(steps, NEWEST + 60 * MINUTE), 0);
  assert.equal(nextStep(steps, NEWEST - 120 * MINUTE), 0);
  assert.equal(nextStep(steps, undefined), 0);
  assert.equal(nextStep([], NEWEST), 0);
});
