// The rain at a place in words: when it starts and ends, as exactly as the lead times allow.

import { PROBABILITY_PREFIX } from "./packed_fields.js";
import { formatNumber, translate } from "./texts.js";
import { formatTime } from "./times.js";

/** Rain starts at this rate, in mm/h, as it does in the summary of the service. */
const WET = 0.1;

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
 * Sentences about the rain.
 *
 * @param {object} input
 * @param {object} input.summary - Summary of the service: `state` (dry, rain, unknown), `starts`,
 *   `ends`, `complete`.
 * @param {number} input.issue - Start time of the forecast in ms.
 * @param {object[]} input.forecast - As `forecastAtPlace` returns it.
 * @param {number | null} input.currentRate - Rate on the newest frame in mm/h; null for no data.
 * @param {boolean} input.stale - Whether the radar data are outdated.
 */
export function rainSummary({ summary, issue, forecast, currentRate, stale }) {
  const isRaining = currentRate !== null && currentRate >= WET;
  const sentences = stale ? [translate("summaryStale", { time: formatTime(issue) })] : [];
  if (summary.state === "unknown") {
    const nothing = forecast.every(({ rate }) => rate === null);
    sentences.push(translate(nothing ? "summaryUnknown" : "summaryPartlyUnknown"));
  } else if (summary.state === "dry") {
    const times = { first: formatTime(forecast[0].time), end: formatTime(forecast.at(-1).time) };
    sentences.push(translate(isRaining ? "summaryDryLater" : "summaryDry", times));
  } else {
    sentences.push(...rainSentences(summary, forecast, issue, isRaining));
  }
  return sentences.join(" ");
}

function rainSentences({ starts, ends, complete }, forecast, issue, isRaining) {
  const period = (isoTime) => periodBefore(Date.parse(isoTime), forecast, issue);
  const sentences = [];
  if (Date.parse(starts) !== forecast[0].time) {
    sentences.push(translate("summaryStarts", period(starts)));
  } else if (isRaining) {
    sentences.push(translate("summaryRaining"));
  } else {
    sentences.push(translate("summaryStartsBy", period(starts)));
  }
  const end = formatTime(forecast.at(-1).time);
  if (ends) sentences.push(translate("summaryEnds", period(ends)));
  else sentences.push(translate(complete ? "summaryContinues" : "summaryEndUnknown", { end }));
  if (hasInterruptions(forecast)) sentences.push(translate("summaryInterruptions"));
  const peak = Math.max(...forecast.map(({ rate }) => rate ?? 0));
  return [...sentences, translate("summaryPeak", { rate: formatNumber(peak) })];
}

/** The time of a lead, and that of the last known lead before it: the change is in between. */
function periodBefore(time, forecast, issue) {
  const known = forecast.filter((lead) => lead.time < time && lead.rate !== null);
  return { from: formatTime(known.at(-1)?.time ?? issue), to: formatTime(time) };
}

/** Whether a time without rain lies between times with rain. */
function hasInterruptions(forecast) {
  const wet = forecast.map(({ rate }) => rate >= WET);
  return forecast
    .slice(wet.indexOf(true), wet.lastIndexOf(true))
    .some(({ rate }) => rate !== null && rate < WET);
}
