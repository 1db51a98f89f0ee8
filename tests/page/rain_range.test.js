// The range of the rain at a place, from exceedance probabilities.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rateRange } from "../../service/api/page/static/rain_range.js";

const THRESHOLDS = [0.1, 0.5, 1, 2, 5, 10, 20];
const withProbabilities = (...values) => values.map((value, k) => [THRESHOLDS[k], value]);

test("the ends of the range are where 90 and 10 percent reach a threshold", () => {
  const range = rateRange(withProbabilities(1, 0.9, 0.6, 0.1, 0, 0, 0));
  assert.deepEqual(range, { low: 0.5, high: 2 });
});

test("between thresholds the ends are interpolated by logarithms", () => {
  const { low, high } = rateRange(withProbabilities(1, 0.8, 0.5, 0.2, 0, 0, 0));
  assert.ok(Math.abs(low - Math.sqrt(0.1 * 0.5)) < 1e-9, `${low}`);
  assert.ok(Math.abs(high - Math.sqrt(2 * 5)) < 1e-9, `${high}`);
});

test("a place that is dry in 8 of 10 cases has a range of nothing", () => {
  assert.deepEqual(rateRange(withProbabilities(0.05, 0.01, 0, 0, 0, 0, 0)), { low: 0, high: 0 });
});

test("rain that is possible has a range from dry", () => {
  const { low, high } = rateRange(withProbabilities(0.5, 0.3, 0.1, 0, 0, 0, 0));
  assert.equal(low, 0);
  assert.equal(high, 1);
});

test("a range beyond the highest threshold ends there", () => {
  const { high } = rateRange(withProbabilities(1, 1, 1, 1, 1, 1, 0.5));
  assert.equal(high, 20);
});

test("there is no range without data, without probabilities or without those of weak rain", () => {
  assert.equal(rateRange([]), null);
  assert.equal(rateRange(withProbabilities(null, null, null, null, null, null, null)), null);
  assert.equal(rateRange([[0.5, 0.9], [2, 0.5], [5, 0.1]]), null);
});

test("falling probabilities give rising ends, whatever they are", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let n = 0; n < 500; n++) {
    const values = THRESHOLDS.map(random).sort((a, b) => b - a);
    const { low, high } = rateRange(withProbabilities(...values));
    assert.ok(low >= 0 && low <= high && high <= 20, JSON.stringify({ values, low, high }));
  }
});
