// One map on a canvas, in the projection of the radar: land, rain, hatching where there are no
// data, borders and towns. What lies below and above the rain is drawn once for each view.

import { THEMES } from "./colours.js";
import { fieldImage } from "./field_image.js";
import { drawArrows } from "./motion.js";
import { labelGap, labelledTowns, labelStart } from "./towns.js";

const HATCH_SPACING = 7;
const MAX_PIXEL_RATIO = 2;
const DOT_RADIUS = 2.1;
/** Districts are drawn from so many pixels per cell on. */
const DISTRICTS_SCALE = 9;

/** What all maps have in common: outlines as paths in cells, towns, and columns of the grid. */
let paths = null;
/** What is drawn before rivers, states and districts are loaded. */
const NO_DETAILS = { rivers: null, states: null, districts: null };
let towns = [];
let columns = 180;

/** Set the outlines, projection and shape of the grid for all maps. */
export function setMapData(outlines, projection, shape) {
  columns = shape[1];
  if (outlines) paths = { ...outlinePaths(outlines), ...NO_DETAILS };
  const [own, abroad] = labelledTowns();
  towns = [
    ...own.map((town) => ({ ...town, isAbroad: false })),
    ...abroad.map((town) => ({ ...town, isAbroad: true })),
  ].map((town) => ({ ...town, cell: projection.toCell(town.lon, town.lat) }));
}

/** Add rivers, states and districts to the outlines. */
export function addMapDetails({ steps, rivers, states, districts }) {
  if (!paths) return;
  const details = { rivers, states, districts };
  for (const [name, lines] of Object.entries(details)) paths[name] = pathOf(lines, steps, false);
}

function outlinePaths({ steps, window: [west, north, east, south], land, borders }) {
  const inside = new Path2D();
  inside.rect(west + 1, north + 1, east - west - 2, south - north - 2);
  return {
    inside,
    land: pathOf(land, steps, true),
    borders: pathOf(borders, steps, false),
  };
}

/** A path of lines; each has its first point and then differences, in fractions of a cell. */
function pathOf(lines, steps, isClosed) {
  const path = new Path2D();
  for (const line of lines) {
    let [x, y] = line;
    path.moveTo(x / steps, y / steps);
    for (let k = 2; k < line.length; k += 2) {
      x += line[k];
      y += line[k + 1];
      path.lineTo(x / steps, y / steps);
    }
    if (isClosed) path.closePath();
  }
  return path;
}

export class RadarMap {
  constructor(canvas, camera) {
    this.canvas = canvas;
    this.camera = camera;
    this.context = canvas.getContext("2d", { alpha: false });
    this.layers = { below: new OffscreenCanvas(1, 1), above: new OffscreenCanvas(1, 1) };
    this.layerStates = {};
  }

  /**
   * Draw a field, or none, which is hatched unless it `isLoading`; `arrows` of its motion; and a
   * ring around the cell `mark` ([column, row]), or none.
   */
  draw(field, { theme, language, mark, arrows, isLoading = false }) {
    const { camera, context, canvas } = this;
    this.ratio = Math.min(devicePixelRatio || 1, MAX_PIXEL_RATIO);
    const [width, height] = [camera.width, camera.height].map((side) =>
      Math.round(side * this.ratio),
    );
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const colours = THEMES[theme];
    const image = field && fieldImage(field, columns, theme);
    const known = [!paths, !paths?.rivers];
    const state = [camera.x, camera.y, camera.scale, width, height, theme, ...known].join();
    const aboveState = [state, image?.coverage, language, mark, isLoading].join();
    this.drawLayer("below", state, (layer) => this.drawGround(layer, colours));
    if (image) {
      this.useCells(context);
      drawPixels(context, image.colours);
    }
    this.drawLayer("above", aboveState, (layer) => {
      if (!isLoading) this.drawNoData(layer, image, colours);
      this.drawLabels(layer, colours, language, mark);
    });
    if (arrows.length) {
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      drawArrows(context, camera, arrows, colours);
    }
    if (mark) this.drawMark(mark, colours);
  }

  /** Copy a layer onto the canvas, and draw it before if its state has changed. */
  drawLayer(name, state, draw) {
    const { context, canvas } = this;
    const layer = this.layers[name];
    if (this.layerStates[name] !== state) {
      this.layerStates[name] = state;
      Object.assign(layer, { width: canvas.width, height: canvas.height });
      draw(layer.getContext("2d"));
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(layer, 0, 0);
  }

  /** Use cells as the unit of a context. Returns the length of a pixel in cells. */
  useCells(context) {
    const { camera, ratio } = this;
    const scale = camera.scale * ratio;
    const [left, top] = camera.point(0, 0);
    context.setTransform(scale, 0, 0, scale, left * ratio, top * ratio);
    return 1 / camera.scale;
  }

  drawGround(context, colours) {
    context.fillStyle = colours.sea;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    if (!paths) return;
    const pixel = this.useCells(context);
    context.fillStyle = colours.land;
    context.fill(paths.land, "evenodd");
    context.lineJoin = "round";
    if (!paths.rivers) return;
    context.strokeStyle = colours.river;
    context.lineWidth = 1.1 * pixel;
    context.stroke(paths.rivers);
  }

  /** Hatch what an image has no data of; all without an image. */
  drawNoData(context, image, colours) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.drawHatching(context, colours);
    if (!image) return;
    context.globalCompositeOperation = "destination-out";
    this.useCells(context);
    drawPixels(context, image.mask);
    context.globalCompositeOperation = "source-over";
  }

  /** Draw coasts, boundaries and towns. */
  drawLabels(context, colours, language, mark) {
    if (!paths) return;
    const pixel = this.useCells(context);
    context.lineJoin = "round";
    context.strokeStyle = colours.coast;
    context.lineWidth = 0.9 * pixel;
    context.save();
    context.clip(paths.inside); // Without the edges at which the land is cut off.
    context.stroke(paths.land);
    context.restore();
    this.drawBoundaries(context, colours, pixel);
    context.strokeStyle = colours.border;
    context.lineWidth = 1.2 * pixel;
    context.stroke(paths.borders);
    this.drawTowns(context, colours, language, mark);
  }

  /** Draw the boundaries of states, and of districts where the map is enlarged. */
  drawBoundaries(context, colours, pixel) {
    if (!paths.states) return;
    context.strokeStyle = colours.state;
    if (this.camera.scale >= DISTRICTS_SCALE) {
      context.lineWidth = 0.6 * pixel;
      context.setLineDash([4 * pixel, 3 * pixel]);
      context.stroke(paths.districts);
      context.setLineDash([]);
    }
    context.lineWidth = 0.9 * pixel;
    context.stroke(paths.states);
  }

  /** Hatch the whole map; the hatching is removed where there are data. */
  drawHatching(context, colours) {
    const { ratio } = this;
    const side = Math.round(HATCH_SPACING * ratio);
    const tile = new OffscreenCanvas(side, side);
    const line = tile.getContext("2d");
    line.fillStyle = colours.veil;
    line.fillRect(0, 0, side, side);
    line.strokeStyle = colours.hatch;
    line.lineWidth = ratio;
    for (const shift of [-side, 0, side]) {
      line.moveTo(shift - 1, side + 1);
      line.lineTo(shift + side + 1, -1);
    }
    line.stroke();
    const pattern = context.createPattern(tile, "repeat");
    const [left, top] = this.camera.point(0, 0).map((pixels) => Math.round(pixels * ratio) % side);
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, left, top]));
    context.fillStyle = pattern;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }

  drawTowns(context, colours, language, mark) {
    const { camera, ratio } = this;
    const marked = mark && this.markPoint(mark);
    const { fontFamily } = getComputedStyle(this.canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.fillStyle = colours.label;
    context.strokeStyle = colours.halo;
    context.lineWidth = 3;
    for (const { names, cell, minimumScale, isAbroad } of towns) {
      const [left, top] = camera.point(...cell);
      if (camera.scale < minimumScale || top < 0 || top > camera.height) continue;
      const [weight, size] = [minimumScale || isAbroad ? 400 : 600, minimumScale ? 11 : 12.5];
      context.globalAlpha = isAbroad ? 0.6 : 1;
      context.font = `${weight} ${size}px ${fontFamily}`;
      const gap = labelGap([left, top], marked, this.markRadius());
      const width = context.measureText(names[language]).width;
      const start = labelStart(left, width, camera.width, gap);
      if (start === null) continue;
      context.beginPath();
      context.arc(left, top, DOT_RADIUS, 0, 2 * Math.PI);
      context.stroke();
      context.fill();
      context.strokeText(names[language], start, top - 0.5);
      context.fillText(names[language], start, top - 0.5);
    }
    context.globalAlpha = 1;
  }

  /** Middle of the mark of a cell, in pixels. */
  markPoint([column, row]) {
    return this.camera.point(Math.floor(column) + 0.5, Math.floor(row) + 0.5);
  }

  markRadius() {
    return Math.max(7, this.camera.scale * 0.75);
  }

  drawMark(mark, colours) {
    const { context, ratio } = this;
    const [left, top] = this.markPoint(mark);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const radius = this.markRadius();
    for (const [colour, width] of [[colours.halo, 5], [colours.marker, 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(left, top, radius, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

function drawPixels(context, image) {
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0);
}
