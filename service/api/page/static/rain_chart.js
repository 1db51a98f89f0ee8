// The rain at a place: a bar chart over time, and a table of the forecast with the same numbers.

import { RAIN_LEVELS, THEMES } from "./colours.js";
import { element, svgElement } from "./dom.js";
import { SHOWN_THRESHOLDS } from "./packed_fields.js";
import { rateRange } from "./rain_range.js";
import { formatNumber, translate } from "./texts.js";
import { axisLabel, formatTime, FRAME_INTERVAL, MINUTE, minuteOfDay } from "./times.js";

const [WIDTH, HEIGHT, TOP, BOTTOM, LEFT] = [330, 132, 16, 112, 26];
/** Minutes of measurements. */
const PAST = 120;
/** Gridlines in mm/h. */
const GRIDLINES = [0.1, 1, 10, 50];
/** Range of the axis in mm/h; lower rates are drawn at its lower end. */
const [MIN_RATE, MAX_RATE] = [0.05, 60];
const TABLE_ROWS = 4;
/** With more lead times than this the bars are narrow. */
const MANY_LEADS = 8;
const DRY_BAR_HEIGHT = 1.5;
const HOUR = 60 * MINUTE;
/** Width of a bar in front of its range, as a share of the width of the range. */
const BAR_SHARE = 0.55;

/**
 * Chart of measured and forecast rates as bars of five minutes, the forecast with its range from
 * the 10th to the 90th percentile. Bars of a forecast with few lead times are wider.
 *
 * @param {object} input
 * @param {{time: number, rate: number | null}[]} input.measured - Rates in mm/h, null for no data.
 * @param {object[]} input.forecast - Likewise, from `newest` on, with `probabilities` as in
 *   `forecastAtPlace`.
 * @param {number} input.newest - Time of the newest frame in ms.
 * @param {number | null} input.now - Present time in ms; null in the archive.
 * @param {string} input.theme - "light" or "dark".
 */
export function rainChart({ measured, forecast, newest, now, theme }) {
  const leads = forecast.map(({ time }) => (time - newest) / MINUTE);
  const future = Math.max(PAST, ...leads) + 8;
  const share = (time) => ((time - newest) / MINUTE + PAST + 5) / (PAST + 5 + future);
  const x = (time) => LEFT + share(time) * (WIDTH - LEFT);
  const interval = x(newest) - x(newest - FRAME_INTERVAL);
  const isNarrow = forecast.length > MANY_LEADS;
  const [width, shift] = isNarrow ? [interval * 0.86, interval] : [interval * 2.6, interval * 1.3];
  const colours = THEMES[theme].rain;
  const chart = svgElement(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "rain-chart",
      role: "img",
      "aria-label": translate("rainChart"),
    },
    svgElement("defs", {}, hatching()),
    fullHeight("forecast-period", x(newest), WIDTH - x(newest)),
    ...GRIDLINES.flatMap(gridline),
    ...measured.map(({ time, rate }) =>
      bar("bar", x(time) - interval, interval * 0.86, rate, colours),
    ),
    ...forecast.flatMap((lead) => forecastBar(lead, x(lead.time) - shift, width, colours)),
    svgElement("line", { class: "base", x1: LEFT, x2: WIDTH, y1: BOTTOM, y2: BOTTOM }),
    verticalLine("border", x(newest), TOP - 8, BOTTOM + 4),
    label(LEFT, 9, "mm/h", "start"),
    label(x(newest) + 5, 9, translate("forecast"), "start", "axis forecast"),
    ...hourLabels(newest, future - 8, x),
  );
  if (now > newest && x(now) < WIDTH) chart.append(verticalLine("now", x(now), TOP, BOTTOM));
  return chart;
}

function hourLabels(newest, lastMinute, x) {
  const labels = [];
  for (let minute = -PAST; minute <= lastMinute; minute += 5) {
    const time = newest + minute * MINUTE;
    if (minuteOfDay(time) % 60 !== 0) continue;
    const anchor = x(time) > WIDTH - 16 ? "end" : "middle";
    const text = axisLabel(time, labels.length ? time - HOUR : null);
    labels.push(label(Math.min(x(time), WIDTH), BOTTOM + 14, text, anchor));
  }
  return labels;
}

function gridline(mm) {
  const y = yOf(mm);
  return [
    svgElement("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y }),
    label(LEFT - 4, y + 3, formatNumber(mm), "end"),
  ];
}

/** Vertical position of a rate, on a logarithmic axis. */
export function yOf(mm) {
  const [low, high] = [MIN_RATE, MAX_RATE].map(Math.log);
  const share = (Math.log(Math.max(mm, MIN_RATE)) - low) / (high - low);
  return BOTTOM - Math.min(share, 1) * (BOTTOM - TOP);
}

function label(x, y, text, anchor, className = "axis") {
  return svgElement("text", { class: className, x, y, "text-anchor": anchor }, text);
}

function verticalLine(className, x, y1, y2) {
  return svgElement("line", { class: className, x1: x, x2: x, y1, y2 });
}

function fullHeight(className, x, width, attributes = {}) {
  const box = { x, y: TOP, width, height: BOTTOM - TOP };
  return svgElement("rect", { class: className, ...box, ...attributes });
}

function bar(className, x, width, rate, colours) {
  if (rate === null) return fullHeight("no-data", x, width, { fill: "url(#no-data)" });
  const level = RAIN_LEVELS.filter((mm) => rate >= mm).length;
  const y = level ? yOf(rate) : BOTTOM - DRY_BAR_HEIGHT;
  const fill = level ? { fill: colours[level - 1] } : {};
  const box = { x, y, width, height: BOTTOM - y, rx: 1 };
  return svgElement("rect", { class: level ? className : `${className} dry`, ...box, ...fill });
}

/** A bar of a forecast in front of its range, and both in words. */
function forecastBar({ time, rate, probabilities }, x, width, colours) {
  const range = rate === null ? null : rateRange(probabilities);
  const title = svgElement("title", {}, describe(time, rate, range));
  if (!range) {
    const drawn = bar("bar forecast", x, width, rate, colours);
    return [svgElement("g", {}, drawn, title)];
  }
  const [top, bottom] = [yOf(range.high), yOf(range.low)];
  const box = { x, y: top, width, height: bottom - top };
  const inset = (width * (1 - BAR_SHARE)) / 2;
  return [
    svgElement(
      "g",
      {},
      svgElement("rect", { class: "range", ...box }),
      bar("bar", x + inset, width - 2 * inset, rate, colours),
      title,
    ),
  ];
}

function describe(time, rate, range) {
  if (rate === null) return `${formatTime(time)}: ${translate("noData")}`;
  const values = { time: formatTime(time), rate: formatNumber(rate) };
  if (!range) return translate("barTitle", values);
  const [low, high] = [range.low, range.high].map((mm) => formatNumber(mm, 1));
  return translate("barTitleRange", { ...values, low, high });
}

/** Whether a forecast has ranges. */
export const hasRanges = (forecast) =>
  forecast.some(({ probabilities }) => rateRange(probabilities) !== null);

function hatching() {
  const lines = svgElement("path", { d: "M-1 7 7-1M2 10 10 2", class: "hatch" });
  const size = { width: 6, height: 6, patternUnits: "userSpaceOnUse" };
  return svgElement("pattern", { id: "no-data", ...size }, lines);
}

/** Table of a forecast (as in `rainChart`, with `probabilities`) that starts at `issue`. */
export function forecastTable(forecast, issue) {
  const every = Math.ceil(forecast.length / TABLE_ROWS);
  const rows = forecast.filter((_, k) => (k + 1) % every === 0);
  const thresholds = forecast[0].probabilities
    .map(([mm]) => mm)
    .filter((mm) => SHOWN_THRESHOLDS.includes(mm));
  const table = document.createElement("table");
  const caption = translate(thresholds.length ? "tableCaption" : "tableCaptionRain");
  table.createCaption().textContent = caption;
  const titles = [translate("tableTime"), translate("tableRain")];
  for (const mm of thresholds) titles.push(`≥ ${formatNumber(mm)}`);
  const header = titles.map((title) => element("th", { scope: "col" }, title));
  table.createTHead().insertRow().append(...header);
  const body = table.createTBody();
  for (const { time, rate, probabilities } of rows) {
    const row = body.insertRow();
    const lead = element("small", {}, ` +${Math.round((time - issue) / MINUTE)}`);
    row.append(element("th", { scope: "row" }, formatTime(time), lead));
    row.insertCell().textContent = rate === null ? translate("noData") : formatNumber(rate);
    for (const [mm, probability] of probabilities) {
      if (!thresholds.includes(mm)) continue;
      row.insertCell().textContent = probability === null ? "–" : formatPercent(probability);
    }
  }
  return table;
}

const formatPercent = (share) => `${formatNumber(100 * share, 0)} %`;
