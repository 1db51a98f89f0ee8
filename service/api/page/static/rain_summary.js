// The rain at a place in words, from the summary of the service.

import { PROBABILITY_PREFIX } from "./packed_fields.js";
import { formatNumber, translate } from "./texts.js";
import { formatTime } from "./times.js";

/**
 * Forecast in a response for a place (CoverageJSON).
 *
 * @returns {{time: number, rate: number | null, probabilities: [number, number | null][]}[]}
 *   By lead time: valid time in ms, rain in mm/h, and pairs of a threshold in mm/h and the
 *   probability (0 to 1) of reaching it; null is no data.
 */
export function forecastAtPlace({ domain, ranges }) {
  const thresholds = Object.keys(ranges)
    .filter((name) => name.startsWith(PROBABILITY_PREFIX))
    .map((name) => Number(name.slice(PROBABILITY_PREFIX.length)))
    .sort((a, b) => a - b);
  return domain.axes.t.values.map((time, k) => ({
    time: Date.parse(time),
    rate: ranges.rainfall_rate.values[k],
    probabilities: thresholds.map((mm) => [mm, ranges[`${PROBABILITY_PREFIX}${mm}`].values[k]]),
  }));
}

/**
 * Sentences about the rain at a place.
 *
 * @param {object} summary - Summary of the service, as `nowcast:summary` has it.
 * @param {object} more
 * @param {number} more.issue - Start time of the forecast in ms.
 * @param {boolean} more.stale - Whether the radar data are outdated.
 */
export function rainSummary(summary, { issue, stale }) {
  const sentences = stale ? [translate("summaryStale", { time: formatTime(issue) })] : [];
  sentences.push(...(summary.state === "rain" ? rainSentences(summary) : [noRain(summary, issue)]));
  return sentences.join(" ");
}

const time = (isoTime) => formatTime(Date.parse(isoTime));

function noRain({ state, until, peak, probability, unknown_after: unknownAfter }, issue) {
  if (state === "unknown") {
    if (peak === null) return translate("summaryUnknown");
    if (!unknownAfter || Date.parse(unknownAfter) <= issue) return translate("summaryUnknownNow");
    return translate("summaryUnknownAfter", { time: time(unknownAfter) });
  }
  const values = { end: time(until), chance: formatNumber(Math.round(100 * probability)) };
  if (state === "dry") return translate("summaryDry", values);
  if (state === "rain_possible") return translate("summaryPossible", values);
  const key = probability === null ? "summaryProbablyDry" : "summaryProbablyDryChance";
  return translate(key, values);
}

function rainSentences(summary) {
  const { starts_between: starts, ends_between: ends, until } = summary;
  const { unknown_after: unknownAfter } = summary;
  const period = ([from, to]) => ({ from: time(from), to: time(to) });
  const sentences = [
    starts ? translate("summaryStarts", period(starts)) : translate("summaryRaining"),
  ];
  if (ends) sentences.push(translate("summaryEnds", period(ends)));
  else if (unknownAfter) sentences.push(translate("summaryEndUnknown"));
  else sentences.push(translate("summaryContinues", { end: time(until) }));
  if (summary.with_interruptions) sentences.push(translate("summaryInterruptions"));
  return [...sentences, translate("summaryPeak", { rate: formatNumber(summary.peak, 1, 1) })];
}
