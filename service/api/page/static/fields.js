// Fields of a time, and in which class of its scale each cell lies. No data is a class of its own.

import { CHANCE, DIFFERENCE, RAIN } from "./colours.js";

export const EMPTY = 254;
export const UNSEEN = 255;
export const PER_MM = 100;
const NO_RATE = 0xffff;
const NO_CHANCE = 0xff;

const rainOf = table(0x10000, RAIN.map((mm) => mm * PER_MM), NO_RATE);
const chanceOf = table(0x100, CHANCE, NO_CHANCE);

export const rain = (codes) => ({ kind: "rain", codes });
export const chance = (codes) => ({ kind: "chance", codes });
/** Where a frame reached a rate, on the scale of chances: there it is certain. */
export const reached = (codes, mm) => ({ kind: "reached", codes, mm });
export const difference = (codes, minus) => ({ kind: "difference", codes, minus });

/** The scale a field is shown on. */
export const scaleOf = (field) => (field.kind === "reached" ? "chance" : field.kind);

/** Class of each cell, from 0; EMPTY below the first, UNSEEN for no data. */
export function classes(field) {
  const { codes } = field;
  const found = new Uint8Array(codes.length);
  for (let k = 0; k < found.length; k++) found[k] = classAt(field, codes[k], k);
  return found;
}

function classAt(field, code, k) {
  if (field.kind === "rain") return rainOf[code];
  if (field.kind === "chance") return chanceOf[code];
  if (field.kind === "reached") {
    if (code === NO_RATE) return UNSEEN;
    return code >= field.mm * PER_MM ? CHANCE.length - 1 : EMPTY;
  }
  if (code === NO_RATE || field.minus[k] === NO_RATE) return UNSEEN;
  const more = (code - field.minus[k]) / PER_MM;
  const step = DIFFERENCE.filter((mm) => Math.abs(more) >= mm).length;
  if (!step) return EMPTY;
  return more > 0 ? DIFFERENCE.length - 1 + step : DIFFERENCE.length - step;
}

/** What a cell has: mm/h, or per cent of a chance; null for no data. */
export function valueAt(field, k) {
  const code = field.codes[k];
  if (field.kind === "chance") return code === NO_CHANCE ? null : code;
  if (code === NO_RATE) return null;
  if (field.kind !== "difference") return code / PER_MM;
  return field.minus[k] === NO_RATE ? null : (code - field.minus[k]) / PER_MM;
}

function table(size, levels, none) {
  const found = new Uint8Array(size).fill(EMPTY);
  levels.forEach((level, k) => found.fill(k, Math.round(level)));
  found[none] = UNSEEN;
  return found;
}
