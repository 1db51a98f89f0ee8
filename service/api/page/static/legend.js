// Legend of the colour scale.

import {
  PROBABILITY_LEVELS,
  RAIN_LEVELS,
  SIGNED_DIFFERENCE_LEVELS,
  SUM_LEVELS,
  THEMES,
} from "./colours.js";
import { element } from "./dom.js";
import { modelLabel } from "./model_names.js";
import { currentLanguage, formatNumber, translate } from "./texts.js";
import { shortPeriod } from "./times.js";

const LEVELS = {
  rain: RAIN_LEVELS,
  sum: SUM_LEVELS,
  probability: PROBABILITY_LEVELS,
  difference: SIGNED_DIFFERENCE_LEVELS,
};

/**
 * Draw the legend.
 *
 * @param {HTMLElement} host
 * @param {"rain" | "sum" | "probability" | "difference"} scale
 * @param {"light" | "dark"} theme
 * @param {object} values - For its title: threshold `mm`, `minutes` of rain sums, names `model` and
 *   `other`, and `unit` of their difference.
 */
export function drawLegend(host, scale, theme, values) {
  const state = [scale, theme, JSON.stringify(values), currentLanguage()].join();
  if (host.dataset.shown === state) return;
  host.dataset.shown = state;
  host.dataset.scale = scale;
  const format = scale === "difference" ? formatSigned : formatNumber;
  const levels = LEVELS[scale];
  const swatches = THEMES[theme][scale].map((colour, k) => swatch(colour, format(levels[k])));
  if (scale === "difference") swatches.splice(swatches.length / 2, 0, swatch("", ""));
  const noData = element("p", { className: "no-data", title: translate("noDataHint") });
  noData.append(element("i"), translate("noData"));
  host.replaceChildren(
    element("p", {}, legendTitle(scale, values)),
    element("ol", {}, ...swatches),
    noData,
  );
}

function legendTitle(scale, { mm, minutes, model, other, unit }) {
  if (scale === "rain") return translate("legendRain");
  if (scale === "sum") return translate("legendSum", { period: shortPeriod(minutes) });
  if (scale === "difference") {
    const names = { model: modelLabel(model), other: modelLabel(other) };
    return translate("legendDifference", { ...names, unit });
  }
  return translate("legendProbability", { mm: formatNumber(mm) });
}

const formatSigned = (mm) => (mm > 0 ? `+${formatNumber(mm)}` : `−${formatNumber(-mm)}`);

function swatch(colour, label) {
  const patch = element("i");
  if (colour) patch.style.background = colour;
  return element("li", {}, patch, label);
}
