// Rain sums at a place, in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { heavyRain, sumsRows } from "../../service/api/page/static/place_sums.js";
import { setLanguage } from "../../service/api/page/static/texts.js";

const statistic = (mm, p10 = null, p90 = null, median = null) => ({
  mm,
  median,
  p10,
  p90,
  probabilities: [],
});
const period = (minutes, ...numbers) => ({ minutes, mean: statistic(...numbers) });
const warning = (minutes, mm, probability) => ({
  minutes,
  from_mm: mm,
  mean: { ...statistic(1), probabilities: [{ threshold_mm: mm, probability }] },
});

test("measured sums have no range, forecast ones the range of the ensemble", () => {
  setLanguage("de");
  const sums = {
    measured: [period(15, 9), period(60, 1.25), period(1440, null)],
    forecast: [period(60, 4.2, 1.1, 8.4), period(120, 0)],
  };
  assert.deepEqual(sumsRows(sums), [
    ["Letzte 24 Stunden", "keine Daten"],
    ["Letzte Stunde", "1,3 mm"],
    ["Nächste Stunde", "4,2 mm (1,1–8,4)"],
    ["Nächste 2 Stunden", "0 mm"],
  ]);
});

test("a range that is the sum itself is left out", () => {
  setLanguage("en");
  const sums = { measured: [], forecast: [period(60, 0, 0, 0.02), period(120, 0, 0, 0.6)] };
  assert.deepEqual(sumsRows(sums), [
    ["Next hour", "0 mm"],
    ["Next 2 hours", "0 mm (0–0.6)"],
  ]);
});

test("a sum outside of the range of the ensemble gives way to the median", () => {
  setLanguage("en");
  const sums = {
    measured: [],
    forecast: [period(60, 25.8, 5.3, 16.9, 10.2), period(120, 1, 2, 9, 5)],
  };
  assert.deepEqual(sumsRows(sums), [
    ["Next hour", "10.2 mm (5.3–16.9)"],
    ["Next 2 hours", "5 mm (2–9)"],
  ]);
});

test("heavy rain is named where it is likely enough, the highest level of them", () => {
  setLanguage("en");
  const warnings = [warning(60, 15, 0.4), warning(60, 25, 0.06), warning(60, 40, 0.01)];
  assert.equal(heavyRain({ warnings }), "25 mm or more within 1 h: 6 %.");
  assert.equal(heavyRain({ warnings: [warning(60, 15, 0.04)] }), "");
  assert.equal(heavyRain({ warnings: [warning(60, 15, null)] }), "");
  assert.equal(heavyRain({ warnings: [{ ...warning(60, 15, 1), mean: statistic(null) }] }), "");
});
