// Fields as pictures, a pixel to a cell; painted once.

import { THEMES } from "./colours.js";
import { classes, EMPTY, scaleOf, UNSEEN } from "./fields.js";

const painted = new WeakMap();

/** {colours, seen, coverage}: the picture, where there is data, and a word for that where. */
export function picture(field, columns, theme) {
  const name = `${field.kind} ${field.mm ?? ""} ${theme}`;
  const mine = of(of(painted, field.codes), field.minus ?? field.codes);
  if (!mine.has(name)) mine.set(name, paint(field, columns, THEMES[theme][scaleOf(field)]));
  return mine.get(name);
}

/** What is kept under an object; a map of objects on the first level, of names on the second. */
function of(kept, object) {
  if (!kept.has(object)) kept.set(object, kept === painted ? new WeakMap() : new Map());
  return kept.get(object);
}

function paint(field, columns, colours) {
  const codes = colours.map(pixel);
  const cells = classes(field);
  const rows = cells.length / columns;
  const [picture, seen] = [blank(columns, rows), blank(columns, rows)];
  let coverage = 0x811c9dc5; // FNV-1a over which cells have data
  for (let k = 0; k < cells.length; k++) {
    const there = cells[k] !== UNSEEN;
    if (there) seen.pixels[k] = 0xff000000;
    if (there && cells[k] !== EMPTY) picture.pixels[k] = codes[cells[k]];
    coverage = Math.imul(coverage ^ (there ? 1 : 0), 0x01000193);
  }
  return { colours: canvas(picture), seen: canvas(seen), coverage };
}

/** A colour #rrggbb as a pixel of image data, on the little-endian machines there are. */
const pixel = (colour) => {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
};

function blank(columns, rows) {
  const image = new ImageData(columns, rows);
  return { image, pixels: new Uint32Array(image.data.buffer) };
}

function canvas({ image }) {
  const made = new OffscreenCanvas(image.width, image.height);
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}
