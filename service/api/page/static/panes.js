// The maps on the page: one, or two side by side that move together; and the value under the pointer.

import { scaleOf, valueAt } from "./fields.js";
import { handle } from "./hand.js";
import { legend } from "./legend.js";
import { RadarMap } from "./map.js";
import { scene } from "./scene.js";
import { clock } from "./times.js";
import { number, say } from "./words.js";

export class Panes {
  /** Args: `picked(column, row)` is told of a click. */
  constructor(session, timeline, camera, picked) {
    Object.assign(this, { session, timeline, camera, picked });
    this.host = document.getElementById("panes");
    this.readout = document.getElementById("readout");
    this.all = [];
    this.project = null;
    this.asleep = true;
  }

  /** Draw before the next frame of the screen. `look` is how: {theme, language, mark}. */
  wake(look) {
    this.look = look;
    if (!this.asleep) return;
    this.asleep = false;
    requestAnimationFrame(() => {
      this.asleep = true;
      this.draw(this.look);
    });
  }

  draw(look) {
    const { session, timeline } = this;
    if (!session.newest) return;
    const step = session.step();
    const shown = scene(session, step);
    this.arrange(shown.length);
    const ahead = step && !step.observed;
    shown.forEach(({ model, field, why }, k) => {
      const { map, badge, gap, canvas } = this.all[k];
      map.draw(field, look);
      const words = step ? [clock(step.time), timeline.words(step)] : [];
      const what = [...words, ...(ahead ? [model] : [])].join(" · ");
      badge.textContent = shown.length > 1 && ahead ? model : what;
      badge.hidden = !what;
      gap.textContent = why ?? "";
      gap.hidden = !why;
      canvas.setAttribute("aria-label", say("mapKeys", { what }));
    });
    const field = shown.find((one) => one.field)?.field;
    const usual = session.view === "difference" ? "difference" : "rain";
    const { threshold: mm, model, other } = session;
    const host = document.getElementById("legend");
    legend(host, field ? scaleOf(field) : usual, look.theme, { mm, model, other });
  }

  /** As many panes as there are maps to show. */
  arrange(count) {
    while (this.all.length < count) this.all.push(this.made(this.all.length));
    this.all.forEach(({ pane }, k) => (pane.hidden = k >= count));
    this.host.classList.toggle("two", count > 1);
    const box = this.all[0].canvas.getBoundingClientRect();
    this.camera.resize(box.width, box.height);
  }

  made(k) {
    const make = (name, kind) => Object.assign(document.createElement(name), { className: kind });
    const [pane, canvas] = [make("figure", "pane"), make("canvas", "")];
    const [badge, gap] = [make("figcaption", "badge"), make("p", "gap")];
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    pane.append(canvas, badge, gap);
    this.host.append(pane);
    handle(canvas, this.camera, {
      picked: this.picked,
      over: (column, row, left, top) =>
        this.tell(k, column, row, [pane.offsetLeft + left, pane.offsetTop + top]),
    });
    new ResizeObserver(() => this.look && this.wake(this.look)).observe(canvas);
    return { pane, canvas, badge, gap, map: new RadarMap(canvas, this.camera) };
  }

  /** Say what is at a column and row of a pane, beside the pointer; nothing where it has left. */
  tell(k, column, row, [left, top]) {
    const { readout, session, project } = this;
    const field = column === undefined ? null : scene(session, session.step())[k]?.field;
    readout.hidden = !field || !project;
    if (readout.hidden) return;
    const [rows, columns] = session.overview.radar.grid.shape;
    const inside = column >= 0 && row >= 0 && column < columns && row < rows;
    const at = Math.floor(row) * columns + Math.floor(column);
    const [lon, lat] = project.toDegrees(column, row);
    const value = words(field, inside ? valueAt(field, at) : null);
    readout.textContent = say("readout", { value, lat: number(lat), lon: number(lon) });
    const x = Math.min(left + 14, this.host.clientWidth - readout.offsetWidth - 4);
    readout.style.transform = `translate(${x}px, ${Math.max(top - 34, 4)}px)`;
  }
}

function words(field, value) {
  if (value === null) return say("unknown");
  if (field.kind === "chance") return `${number(value)} %`;
  if (value === 0 && field.kind !== "difference") return say("dry");
  return `${number(value)} mm/h`;
}
