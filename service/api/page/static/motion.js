// Arrows of the motion of rain at the newest radar frame, where the user has switched them on.

import { request } from "./api.js";
import { toIso } from "./times.js";

const KM_PER_CELL = 5;
/** An arrow is as long as the way of the rain in so many hours. */
const HOURS = 0.75;
/** Slower rain has no arrow: it would be shorter than its head, in km/h. */
const SLOWEST = 4;
/** Faster rain has an arrow of this length, which is still legible, in km/h. */
const FASTEST = 90;
const [HEAD, HEAD_ANGLE] = [6, 0.45];

export class MotionArrows {
  constructor(session) {
    this.session = session;
    this.isWanted = false;
    this.time = null;
    this.arrows = [];
  }

  /** Request the motion at the newest frame, unless it is known. */
  async update() {
    const { newestTime } = this.session;
    if (!this.isWanted || !newestTime || this.time === newestTime) return;
    this.time = newestTime;
    const answer = await request(`grids/motion/${toIso(newestTime)}`).catch(() => null);
    this.arrows = answer ? arrowsOf(answer) : [];
    this.session.change();
  }

  /** The arrows that are shown. */
  get shown() {
    return this.isWanted ? this.arrows : [];
  }
}

/** Arrows {column, row, right, down}, the latter two in cells, of the answer of the service. */
export function arrowsOf({ columns, rows, right, down }) {
  return columns
    .map((column, k) => ({ column, row: rows[k], kmh: [right[k], down[k]] }))
    .filter(({ kmh }) => Math.hypot(...kmh) >= SLOWEST)
    .map(({ column, row, kmh }) => {
      const shown = Math.min(1, FASTEST / Math.hypot(...kmh));
      const [rightCells, downCells] = kmh.map((speed) => (speed * shown * HOURS) / KM_PER_CELL);
      return { column, row, right: rightCells, down: downCells };
    });
}

/**
 * Draw arrows on a context whose unit is the pixel of the page.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./camera.js").Camera} camera
 * @param {object[]} arrows - As `arrowsOf` gives them.
 * @param {object} colours - Of the theme: `halo` around the arrows and `label`, their own.
 */
export function drawArrows(context, camera, arrows, colours) {
  const path = new Path2D();
  for (const { column, row, right, down } of arrows) {
    const [x1, y1] = camera.point(column - right / 2, row - down / 2);
    const [x2, y2] = camera.point(column + right / 2, row + down / 2);
    const angle = Math.atan2(y2 - y1, x2 - x1);
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
    for (const side of [-1, 1]) {
      const direction = angle + Math.PI + side * HEAD_ANGLE;
      path.moveTo(x2, y2);
      path.lineTo(x2 + HEAD * Math.cos(direction), y2 + HEAD * Math.sin(direction));
    }
  }
  context.lineCap = "round";
  for (const [colour, width] of [[colours.halo, 4.5], [colours.label, 1.8]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke(path);
  }
  context.lineCap = "butt";
}
