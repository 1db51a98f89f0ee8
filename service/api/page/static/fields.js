// Fields shown on a map, and the colour class of each of their cells. No data is its own class.

import { DIFFERENCE_LEVELS, PROBABILITY_LEVELS, RAIN_LEVELS, SUM_LEVELS } from "./colours.js";
import { CODES_PER_MM, NO_PROBABILITY, NO_RATE } from "./packed_fields.js";
import { formatNumber, translate } from "./texts.js";

/** Class of a cell below the lowest level of its scale. */
export const BELOW_SCALE = 254;
/** Class of a cell without data. */
export const NO_DATA = 255;
export const RATE_UNIT = "mm/h";
export const SUM_UNIT = "mm";

const rainClasses = classesInMm(RAIN_LEVELS);
const sumClasses = classesInMm(SUM_LEVELS);
const probabilityClasses = classByCode(0x100, PROBABILITY_LEVELS, NO_PROBABILITY);

export const rainField = (codes) => ({ kind: "rain", codes });
/** Rain sums in hundredths of mm. */
export const sumField = (codes) => ({ kind: "sum", codes });
export const probabilityField = (codes) => ({ kind: "probability", codes });
/** Where an observed rate reaches `mm` mm/h: a probability of 0 or 100 %. */
export const exceedanceField = (codes, mm) => ({ kind: "exceedance", codes, mm });
/** Rain minus other rain, or a rain sum minus another. */
export const differenceField = (codes, subtracted, unit = RATE_UNIT) => ({
  kind: "difference",
  codes,
  subtracted,
  unit,
});

/** Name of the colour scale of a field. */
export const colourScale = (field) => (field.kind === "exceedance" ? "probability" : field.kind);

/** Class of each cell: index of its colour, BELOW_SCALE or NO_DATA. */
export function classify(field) {
  const { codes } = field;
  const classes = new Uint8Array(codes.length);
  for (let k = 0; k < classes.length; k++) classes[k] = classOf(field, k);
  return classes;
}

function classOf(field, k) {
  const code = field.codes[k];
  if (field.kind === "rain") return rainClasses[code];
  if (field.kind === "sum") return sumClasses[code];
  if (field.kind === "probability") return probabilityClasses[code];
  if (field.kind === "exceedance") {
    if (code === NO_RATE) return NO_DATA;
    return code >= field.mm * CODES_PER_MM ? PROBABILITY_LEVELS.length - 1 : BELOW_SCALE;
  }
  const difference = valueAt(field, k);
  if (difference === null) return NO_DATA;
  const reached = DIFFERENCE_LEVELS.filter((mm) => Math.abs(difference) >= mm).length;
  if (!reached) return BELOW_SCALE;
  return DIFFERENCE_LEVELS.length + (difference > 0 ? reached - 1 : -reached);
}

/** Value of a cell in mm/h or mm, or in per cent for a probability; null for no data. */
export function valueAt(field, k) {
  const code = field.codes[k];
  if (field.kind === "probability") return code === NO_PROBABILITY ? null : code;
  if (code === NO_RATE) return null;
  if (field.kind !== "difference") return code / CODES_PER_MM;
  const subtracted = field.subtracted[k];
  return subtracted === NO_RATE ? null : (code - subtracted) / CODES_PER_MM;
}

/** A value of a field with its unit. */
export function formatValue(field, value) {
  if (value === null) return translate("noData");
  if (field.kind === "probability") return `${formatNumber(value)} %`;
  if (field.kind === "sum") return `${formatNumber(value, 1)} ${SUM_UNIT}`;
  if (value === 0 && field.kind !== "difference") return translate("dry");
  return `${formatNumber(value)} ${field.unit ?? RATE_UNIT}`;
}

/** Whether a field has data anywhere. */
export const hasData = ({ codes }) => codes.some((code) => code !== NO_RATE);

/** Lookup table from codes in hundredths of mm or mm/h to classes. */
function classesInMm(levels) {
  return classByCode(
    0x10000,
    levels.map((mm) => mm * CODES_PER_MM),
    NO_RATE,
  );
}

/** Lookup table from codes to classes. */
function classByCode(size, levels, noData) {
  const classes = new Uint8Array(size).fill(BELOW_SCALE);
  levels.forEach((level, k) => classes.fill(k, Math.round(level)));
  classes[noData] = NO_DATA;
  return classes;
}
