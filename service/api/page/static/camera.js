// Visible section of the map and its scale, shared by panes side by side.

/** Cells beside and above a grid that can be scrolled to. */
const [BESIDE, ABOVE] = [110, 80];
/** What is shown at first, in columns and rows of the grid. */
const GERMANY = { west: 26, north: -2, east: 184, south: 182 };
const GERMAN_SHAPE = [180, 180];
/** The centre stays this far inside the limits, in cells. */
const MARGIN = 60;
const MAX_SCALE = 60;
/** What is brought into view is this far from the edge of the pane, as a share of its side. */
const VIEW_MARGIN = 0.15;
/** Smallest scale, relative to that at which the area fits the pane. */
const MIN_RELATIVE_SCALE = 0.75;

/** Centre (x, y) in cells, scale in pixels per cell, size of a pane in pixels. */
export class Camera {
  constructor(onChange) {
    this.onChange = onChange;
    this.isShowingAll = true;
    this.setArea(GERMAN_SHAPE, GERMANY);
    this.x = (this.area.west + this.area.east) / 2;
    this.y = (this.area.north + this.area.south) / 2;
    this.scale = 1;
    this.width = this.height = 1;
  }

  /** Set the grid, by its rows and columns, and the area that is shown at first: all of it. */
  setArea([rows, columns], area = { west: 0, north: 0, east: columns, south: rows }) {
    this.area = area;
    this.limits = { west: -BESIDE, north: -ABOVE, east: columns + BESIDE, south: rows + ABOVE };
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    if (this.isShowingAll) this.showAll();
    else this.moveTo(this.x, this.y, this.scale);
  }

  /** Scale at which the area fits the pane. */
  get fittingScale() {
    const { west, north, east, south } = this.area;
    return Math.min(this.width / (east - west), this.height / (south - north));
  }

  /** Show the whole area. */
  showAll() {
    this.isShowingAll = true;
    this.x = (this.area.west + this.area.east) / 2;
    this.y = (this.area.north + this.area.south) / 2;
    this.scale = this.fittingScale;
    this.onChange();
  }

  /** Move the centre and set the scale, both within the limits. */
  moveTo(x, y, scale) {
    this.isShowingAll = false;
    this.scale = this.clampScale(scale);
    this.x = clamp(x, this.limits.west + MARGIN, this.limits.east - MARGIN);
    this.y = clamp(y, this.limits.north + MARGIN, this.limits.south - MARGIN);
    this.onChange();
  }

  /** Bring a column and row into view: enlarged at least to a factor, and not at the edge. */
  show(column, row, factor) {
    const scale = Math.max(this.scale, this.fittingScale * factor);
    const [left, top] = this.point(column, row);
    const margin = Math.min(this.width, this.height) * VIEW_MARGIN;
    const isInside =
      left >= margin && top >= margin && left <= this.width - margin && top <= this.height - margin;
    if (isInside && scale === this.scale) return;
    this.moveTo(column, row, scale);
  }

  /** Move the map by pixels. */
  pan(right, down) {
    this.moveTo(this.x - right / this.scale, this.y - down / this.scale, this.scale);
  }

  /**
   * Zoom by a factor around a cell, which stays where it is; around the middle where it is not in
   * the pane, or there is none.
   *
   * @param {number} factor
   * @param {number[] | null} cell - Column and row.
   */
  zoomAround(factor, cell) {
    const [left, top] = cell ? this.point(...cell) : [-1, -1];
    const isInside = left >= 0 && top >= 0 && left <= this.width && top <= this.height;
    this.zoom(factor, ...(isInside ? [left, top] : []));
  }

  /** Zoom by a factor around a fixed point of the pane. */
  zoom(factor, left = this.width / 2, top = this.height / 2) {
    const [column, row] = this.cell(left, top);
    const scale = this.clampScale(this.scale * factor);
    const x = column - (left - this.width / 2) / scale;
    const y = row - (top - this.height / 2) / scale;
    this.moveTo(x, y, scale);
  }

  clampScale(scale) {
    return clamp(scale, this.fittingScale * MIN_RELATIVE_SCALE, MAX_SCALE);
  }

  /** Column and row at a point of the pane. */
  cell(left, top) {
    return [
      this.x + (left - this.width / 2) / this.scale,
      this.y + (top - this.height / 2) / this.scale,
    ];
  }

  /** Point of the pane at a column and row. */
  point(column, row) {
    return [
      this.width / 2 + (column - this.x) * this.scale,
      this.height / 2 + (row - this.y) * this.scale,
    ];
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
