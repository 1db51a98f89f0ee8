// Which part of the map is seen, and how large. Shared by panes side by side.

const WINDOW = { west: -110, north: -80, east: 290, south: 260 };
const COUNTRY = { west: 26, north: -2, east: 184, south: 182 };
const LARGEST = 60;

/** Middle of what is seen, in cells, and pixels to a cell. */
export class Camera {
  constructor(changed) {
    this.changed = changed;
    this.whole = true;
    this.x = (COUNTRY.west + COUNTRY.east) / 2;
    this.y = (COUNTRY.north + COUNTRY.south) / 2;
    this.scale = 1;
    this.width = this.height = 1;
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    if (this.whole) this.all();
    else this.limit();
  }

  get fitting() {
    const { west, north, east, south } = COUNTRY;
    return Math.min(this.width / (east - west), this.height / (south - north));
  }

  /** The whole country. */
  all() {
    this.whole = true;
    this.x = (COUNTRY.west + COUNTRY.east) / 2;
    this.y = (COUNTRY.north + COUNTRY.south) / 2;
    this.scale = this.fitting;
    this.changed();
  }

  to(x, y, scale) {
    this.whole = false;
    Object.assign(this, { x, y, scale });
    this.limit();
  }

  pan(right, down) {
    this.to(this.x - right / this.scale, this.y - down / this.scale, this.scale);
  }

  /** Enlarge by a factor; what is at a point of the pane stays there. */
  zoom(factor, left = this.width / 2, top = this.height / 2) {
    const [column, row] = this.cell(left, top);
    const scale = Math.min(Math.max(this.scale * factor, this.fitting * 0.75), LARGEST);
    const x = column - (left - this.width / 2) / scale;
    const y = row - (top - this.height / 2) / scale;
    this.to(x, y, scale);
  }

  limit() {
    const within = (value, low, high) => Math.min(Math.max(value, low), high);
    this.scale = within(this.scale, this.fitting * 0.75, LARGEST);
    this.x = within(this.x, WINDOW.west + 60, WINDOW.east - 60);
    this.y = within(this.y, WINDOW.north + 60, WINDOW.south - 60);
    this.changed();
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
