// The panes of the page: one map, or two side by side that move together; and the value under the
// pointer.

import { byId, element } from "./dom.js";
import { colourScale, formatValue, RATE_UNIT, SUM_UNIT, valueAt } from "./fields.js";
import { fieldImage } from "./field_image.js";
import { drawLegend } from "./legend.js";
import { RadarMap } from "./map.js";
import { modelLabel } from "./model_names.js";
import { listenToPointer } from "./pointer.js";
import { formatNumber, translate } from "./texts.js";
import { formatTime } from "./times.js";
import { DIFFERENCE, isOfBoth, sumPeriod, viewState } from "./view.js";

export class Panes {
  /** `onPick(column, row)` is called when a cell is clicked. */
  constructor(session, timeline, camera, onPick) {
    Object.assign(this, { session, timeline, camera, onPick });
    this.host = byId("panes");
    this.readout = byId("readout");
    this.panes = [];
    this.projection = null;
    this.isScheduled = false;
  }

  /** Draw before the next repaint, in a style {theme, language, mark}. */
  scheduleDraw(style) {
    this.style = style;
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.draw(this.style);
    });
  }

  draw(style) {
    const { session } = this;
    if (!session.newestTime) return;
    const step = session.currentStep();
    const maps = viewState(session, step);
    this.arrange(maps.length);
    const isForecast = step && !step.observed;
    maps.forEach(({ model, field, reason, isLoading }, k) => {
      const { map, title, message, canvas } = this.panes[k];
      map.draw(field, { ...style, isLoading });
      const label = model?.split(DIFFERENCE).map(modelLabel).join(DIFFERENCE);
      const shown = [...this.describe(step), ...(isForecast ? [label] : [])].join(" · ");
      title.textContent = maps.length > 1 && isForecast ? label : shown;
      title.hidden = !shown;
      message.textContent = isLoading ? translate("loading") : (reason ?? "");
      message.hidden = !message.textContent;
      canvas.setAttribute("aria-label", translate("mapLabel", { shown }));
    });
    const field = maps.find((map) => map.field)?.field;
    const rainScale = session.sumMinutes ? "sum" : "rain";
    const defaultScale = session.view === "difference" ? "difference" : rainScale;
    const scale = field ? colourScale(field) : defaultScale;
    const { threshold: mm, sumMinutes: minutes, model, comparedModel: other } = session;
    const unit = minutes ? SUM_UNIT : RATE_UNIT;
    drawLegend(byId("legend"), scale, style.theme, { mm, minutes, model, other, unit });
  }

  /** What is shown at a step, in parts: its time or the period of a rain sum, and where from. */
  describe(step) {
    if (!step) return [];
    const { session, timeline } = this;
    const description = timeline.describe(step);
    const period = sumPeriod(session, step);
    if (!period) return [formatTime(step.time), description];
    const isPartlyRadar = isOfBoth(session, step);
    const source = isPartlyRadar ? `${translate("radar")} + ${description}` : description;
    return [translate("sumOf", { period }), source];
  }

  /** Render the images of another step, so that it can be drawn at once. */
  prepare(step) {
    const [, columns] = this.session.overview.radar.grid.shape;
    for (const { field } of viewState(this.session, step)) {
      if (field) fieldImage(field, columns, this.style.theme);
    }
  }

  /** Show so many panes. */
  arrange(count) {
    while (this.panes.length < count) this.panes.push(this.create(this.panes.length));
    this.panes.forEach(({ pane }, k) => {
      pane.hidden = k >= count;
    });
    const box = this.panes[0].canvas.getBoundingClientRect();
    this.camera.resize(box.width, box.height);
  }

  create(k) {
    const canvas = element("canvas", { tabIndex: 0 });
    canvas.setAttribute("role", "application");
    const title = element("figcaption", { className: "map-title" });
    const message = element("p", { className: "message" });
    const pane = element("figure", { className: "pane" }, canvas, title, message);
    this.host.append(pane);
    listenToPointer(canvas, this.camera, {
      onPick: this.onPick,
      onHover: (column, row, left, top) =>
        this.showValue(k, column, row, [pane.offsetLeft + left, pane.offsetTop + top]),
    });
    new ResizeObserver(() => this.style && this.scheduleDraw(this.style)).observe(canvas);
    return { pane, canvas, title, message, map: new RadarMap(canvas, this.camera) };
  }

  /** Show the value of a cell of pane `k` beside the pointer; hide it without a cell. */
  showValue(k, column, row, [left, top]) {
    const { readout, session, projection } = this;
    const maps = column === undefined ? [] : viewState(session, session.currentStep());
    const field = maps[k]?.field;
    readout.hidden = !field || !projection;
    if (readout.hidden) return;
    const [rows, columns] = session.overview.radar.grid.shape;
    const isInside = column >= 0 && row >= 0 && column < columns && row < rows;
    const cell = Math.floor(row) * columns + Math.floor(column);
    const value = formatValue(field, isInside ? valueAt(field, cell) : null);
    const [lon, lat] = projection.toDegrees(column, row).map((degrees) => formatNumber(degrees));
    readout.textContent = translate("readout", { value, lat, lon });
    const x = Math.min(left + 14, this.host.clientWidth - readout.offsetWidth - 4);
    readout.style.transform = `translate(${x}px, ${Math.max(top - 34, 4)}px)`;
  }
}
