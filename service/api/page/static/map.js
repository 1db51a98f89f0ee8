// One map: land, rain, where nothing is known, borders and towns, on a canvas in the projection of
// the radar. What lies below and above the rain is drawn once for a view.

import { THEMES } from "./colours.js";
import { picture } from "./paint.js";
import { NEIGHBOURS, TOWNS } from "./places.js";

const HATCH = 7;
let paths = null;
let towns = [];
let columns = 180;

/** Tell all maps the outlines, the projection and the shape of the grid. */
export function useGrid(outlines, project, shape) {
  columns = shape[1];
  if (outlines) {
    const { steps, window: [west, north, east, south] } = outlines;
    const inside = new Path2D();
    inside.rect(west + 1, north + 1, east - west - 2, south - north - 2);
    paths = {
      inside,
      land: joined(outlines.land, steps, true),
      borders: joined(outlines.borders, steps),
      rivers: joined(outlines.rivers, steps),
    };
  }
  towns = [...TOWNS, ...NEIGHBOURS].map(([english, german, lon, lat, from], k) => ({
    names: { en: english, de: german || english },
    at: project.toCell(lon, lat),
    from,
    abroad: k >= TOWNS.length,
  }));
}

function joined(lines, steps, closed = false) {
  const path = new Path2D();
  for (const line of lines) {
    let [x, y] = [line[0], line[1]];
    path.moveTo(x / steps, y / steps);
    for (let k = 2; k < line.length; k += 2) {
      x += line[k];
      y += line[k + 1];
      path.lineTo(x / steps, y / steps);
    }
    if (closed) path.closePath();
  }
  return path;
}

export class RadarMap {
  constructor(canvas, camera) {
    this.canvas = canvas;
    this.camera = camera;
    this.context = canvas.getContext("2d", { alpha: false });
    this.below = new OffscreenCanvas(1, 1);
    this.above = new OffscreenCanvas(1, 1);
    this.drawn = {};
  }

  /** Draw a field, or none; and a mark at a column and row. */
  draw(field, { theme, language, mark }) {
    const { camera, context } = this;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [camera.width, camera.height].map((side) => Math.round(side * ratio));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const shown = field && picture(field, columns, theme);
    const view = [camera.x, camera.y, camera.scale, width, height, theme, !paths].join();
    this.once("below", view, width, height, (brush) => this.ground(brush, theme, ratio));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.below, 0, 0);
    if (shown) this.place(context, shown.colours, ratio);
    const cover = [view, shown?.coverage, language].join();
    this.once("above", cover, width, height, (brush) =>
      this.cover(brush, shown, theme, ratio, language),
    );
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.above, 0, 0);
    if (mark) this.mark(mark, THEMES[theme], ratio);
  }

  once(layer, name, width, height, draw) {
    if (this.drawn[layer] === name) return;
    this.drawn[layer] = name;
    Object.assign(this[layer], { width, height });
    draw(this[layer].getContext("2d"));
  }

  /** Let a brush draw in cells. */
  inCells(brush, ratio) {
    const { camera } = this;
    const scale = camera.scale * ratio;
    const [left, top] = camera.point(0, 0);
    brush.setTransform(scale, 0, 0, scale, left * ratio, top * ratio);
    return 1 / camera.scale;
  }

  place(brush, image, ratio) {
    this.inCells(brush, ratio);
    brush.imageSmoothingEnabled = false;
    brush.drawImage(image, 0, 0);
  }

  ground(brush, theme, ratio) {
    const colours = THEMES[theme];
    brush.fillStyle = colours.sea;
    brush.fillRect(0, 0, this.below.width, this.below.height);
    if (!paths) return;
    const pixel = this.inCells(brush, ratio);
    brush.fillStyle = colours.land;
    brush.fill(paths.land, "evenodd");
    brush.lineJoin = "round";
    brush.strokeStyle = colours.river;
    brush.lineWidth = 1.1 * pixel;
    brush.stroke(paths.rivers);
  }

  cover(brush, shown, theme, ratio, language) {
    const colours = THEMES[theme];
    brush.setTransform(1, 0, 0, 1, 0, 0);
    this.hatch(brush, colours, ratio);
    if (shown) {
      brush.globalCompositeOperation = "destination-out";
      this.place(brush, shown.seen, ratio);
      brush.globalCompositeOperation = "source-over";
    }
    if (!paths) return;
    const pixel = this.inCells(brush, ratio);
    brush.lineJoin = "round";
    brush.strokeStyle = colours.coast;
    brush.lineWidth = 0.9 * pixel;
    brush.save();
    brush.clip(paths.inside); // not along the edges at which land was cut
    brush.stroke(paths.land);
    brush.restore();
    brush.strokeStyle = colours.border;
    brush.lineWidth = 1.2 * pixel;
    brush.stroke(paths.borders);
    this.labels(brush, colours, ratio, language);
  }

  /** All over: no data. Where there is some, it is then taken away. */
  hatch(brush, colours, ratio) {
    const side = Math.round(HATCH * ratio);
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
    const pattern = brush.createPattern(tile, "repeat");
    const [left, top] = this.camera.point(0, 0).map((at) => Math.round(at * ratio) % side);
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, left, top]));
    brush.fillStyle = pattern;
    brush.fillRect(0, 0, brush.canvas.width, brush.canvas.height);
  }

  labels(brush, colours, ratio, language) {
    const { camera } = this;
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.textBaseline = "middle";
    brush.lineJoin = "round";
    for (const { names, at, from, abroad } of towns) {
      if (camera.scale < from) continue;
      const [left, top] = camera.point(...at);
      if (left < -80 || top < -20 || left > camera.width || top > camera.height + 20) continue;
      const size = from ? 11 : 12.5;
      brush.globalAlpha = abroad ? 0.6 : 1;
      brush.font = `${from || abroad ? 400 : 600} ${size}px ${getComputedStyle(this.canvas).fontFamily}`;
      brush.fillStyle = colours.label;
      brush.strokeStyle = colours.halo;
      brush.lineWidth = 3;
      brush.beginPath();
      brush.arc(left, top, 2.1, 0, 7);
      brush.stroke();
      brush.fill();
      brush.strokeText(names[language], left + 6, top - 0.5);
      brush.fillText(names[language], left + 6, top - 0.5);
    }
    brush.globalAlpha = 1;
  }

  /** A ring around a cell. */
  mark([column, row], colours, ratio) {
    const { camera, context } = this;
    const [left, top] = camera.point(Math.floor(column) + 0.5, Math.floor(row) + 0.5);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const radius = Math.max(7, camera.scale * 0.75);
    for (const [colour, width] of [[colours.halo, 5], [colours.marker, 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(left, top, radius, 0, 7);
      context.stroke();
    }
  }
}
