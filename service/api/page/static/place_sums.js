// Rain sums at a place: what fell, and what is forecast with its range.

import { element } from "./dom.js";
import { lastPeriod, nextPeriod } from "./sum_controls.js";
import { formatNumber, translate } from "./texts.js";

/** Periods that are shown, in minutes, and what names them. */
const PERIODS = { measured: [1440, 60], forecast: [60, 120] };
const NAMES = { measured: lastPeriod, forecast: nextPeriod };
/** Probability from which the chance of heavy rain is shown. */
const LEAST_PROBABILITY = 0.05;

/**
 * Rows of the table of an answer of the service: pairs of the period and the sum in words.
 *
 * @returns {[string, string][]} Measured sums first; periods that the answer lacks are left out.
 */
export function sumsRows(sums) {
  return Object.entries(PERIODS).flatMap(([kind, periods]) =>
    periods.flatMap((minutes) => {
      const period = sums[kind].find((candidate) => candidate.minutes === minutes);
      return period ? [[NAMES[kind](minutes), formatSum(period.mean)]] : [];
    }),
  );
}

/**
 * 4.2 mm (1.1–8.4), or without a range where it is the sum itself. A forecast that lies outside
 * of the range of its own ensemble, such as the middle of a small cell, gives way to the median.
 */
function formatSum({ mm, median, p10, p90 }) {
  if (mm === null) return translate("noData");
  if (p10 === null || p90 === null) return `${formatNumber(mm, 1)} mm`;
  const sum = `${formatNumber(mm < p10 || mm > p90 ? median : mm, 1)} mm`;
  const [low, high] = [formatNumber(p10, 1), formatNumber(p90, 1)];
  return low === high && sum === `${low} mm` ? sum : `${sum} (${low}–${high})`;
}

/** The likeliest warning level of heavy rain in words; empty where none is likely enough. */
export function heavyRain({ warnings }) {
  const likely = warnings.flatMap(({ minutes, from_mm: mm, mean }) => {
    const probability = mean.probabilities[0]?.probability ?? 0;
    return probability >= LEAST_PROBABILITY ? [{ minutes, mm, probability }] : [];
  });
  if (!likely.length) return "";
  const { minutes, mm, probability } = likely.reduce((a, b) => (b.mm > a.mm ? b : a));
  const chance = formatNumber(100 * probability, 0);
  return translate("sumHeavy", { mm: formatNumber(mm), hours: minutes / 60, chance });
}

const hasRange = ({ forecast }) => forecast.some(({ mean }) => mean.p10 !== null);

/** Table of the sums, and a sentence where heavy rain is likely. */
export function sumsTable(sums) {
  const table = document.createElement("table");
  table.className = "sums";
  table.createCaption().textContent = translate(hasRange(sums) ? "sumsWithRange" : "sums");
  for (const [period, text] of sumsRows(sums)) {
    const row = table.insertRow();
    row.append(element("th", { scope: "row" }, period));
    row.insertCell().textContent = text;
  }
  const heavy = heavyRain(sums);
  return heavy ? [table, element("p", { className: "heavy" }, heavy)] : [table];
}
