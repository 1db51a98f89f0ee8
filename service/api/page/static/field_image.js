// Renders fields as images with one pixel per cell. Each image is rendered once.

import { THEMES } from "./colours.js";
import { BELOW_SCALE, classify, colourScale, NO_DATA } from "./fields.js";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const OPAQUE = 0xff000000;

/** Images by name, kept as long as the codes that they are rendered from. */
const images = new WeakMap();

/**
 * Images of a field: `colours` has its colours, `mask` is opaque where there is data, `coverage` is
 * a hash of the mask.
 */
export function fieldImage(field, columns, theme) {
  const name = `${field.kind} ${field.mm ?? ""} ${theme}`;
  const bySecond = entry(images, field.codes, () => new WeakMap());
  const byName = entry(bySecond, field.subtracted ?? field.codes, () => new Map());
  const colours = THEMES[theme][colourScale(field)];
  return entry(byName, name, () => render(field, columns, colours));
}

function entry(map, key, create) {
  if (!map.has(key)) map.set(key, create());
  return map.get(key);
}

function render(field, columns, colours) {
  const pixelValues = colours.map(pixelValue);
  const classes = classify(field);
  const rows = classes.length / columns;
  const [coloured, mask] = [blank(columns, rows), blank(columns, rows)];
  let coverage = FNV_OFFSET; // FNV-1a
  for (let k = 0; k < classes.length; k++) {
    const known = classes[k] !== NO_DATA;
    if (known) mask.pixels[k] = OPAQUE;
    if (known && classes[k] !== BELOW_SCALE) coloured.pixels[k] = pixelValues[classes[k]];
    coverage = Math.imul(coverage ^ (known ? 1 : 0), FNV_PRIME);
  }
  return { colours: canvasOf(coloured), mask: canvasOf(mask), coverage };
}

/** A colour #rrggbb as a 32-bit pixel of little-endian image data (as on every browser today). */
export function pixelValue(colour) {
  const [r, g, b] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

function blank(columns, rows) {
  const image = new ImageData(columns, rows);
  return { image, pixels: new Uint32Array(image.data.buffer) };
}

function canvasOf({ image }) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
