// Skill of the displayed model over the last days, beside that of persistence.

import { request } from "./api.js";
import { byId, svgElement } from "./dom.js";
import { modelLabel } from "./model_names.js";
import { currentLanguage, formatNumber, translate } from "./texts.js";
import { MINUTE, toIso } from "./times.js";

const DAYS = 7;
const THRESHOLD = 0.5;
const UPDATE_INTERVAL = 10 * MINUTE;
const BASELINE = "persistence";
const MAX_LEADS = 6;
const [WIDTH, ROW_HEIGHT, KEY_HEIGHT, LEFT, RIGHT] = [330, 30, 38, 62, 40];
const KEY_ROW = 16;

export class SkillPanel {
  constructor(session) {
    this.session = session;
    this.rows = null;
    this.failed = false;
    this.requestedEnd = "";
  }

  /** Request the scores, at most every ten minutes. */
  async update() {
    const { overview, wanted } = this.session;
    if (!overview) return;
    const end =
      wanted.until ?? Math.ceil(this.session.now / UPDATE_INTERVAL) * UPDATE_INTERVAL;
    if (this.requestedEnd === toIso(end)) return;
    this.requestedEnd = toIso(end);
    const from = toIso(end - DAYS * 24 * 60 * MINUTE);
    const query = `threshold=${THRESHOLD}&from=${from}&to=${this.requestedEnd}`;
    try {
      const response = await request(`verification?${query}`);
      [this.rows, this.failed] = [response.rows, false];
    } catch {
      this.failed = true;
    }
    this.session.change();
  }

  draw() {
    const [host, note] = ["skill-chart", "skill-note"].map(byId);
    const { model, overview } = this.session;
    if (!overview || (!this.rows && !this.failed)) return;
    const scores = (this.rows ?? []).filter((row) => row.model === model && row.csi !== null);
    const state = [model, this.requestedEnd, this.failed, scores.length, currentLanguage()].join();
    if (host.dataset.shown === state) return;
    host.dataset.shown = state;
    if (!scores.length) {
      host.replaceChildren();
      note.textContent = translate(this.failed ? "skillFailed" : "skillNone", {
        model: modelLabel(model),
      });
      return;
    }
    const every = Math.ceil(scores.length / MAX_LEADS);
    const leads = scores.filter((_, k) => (k + 1) % every === 0);
    host.replaceChildren(skillChart(model, leads, this.baseline(model)));
    const n = formatNumber(Math.max(...scores.map((row) => row.n_valid)));
    note.textContent = translate("skillNote", { n });
  }

  /** CSI of persistence by lead time; empty where persistence itself is shown. */
  baseline(model) {
    if (model === BASELINE) return new Map();
    const rows = this.rows.filter((row) => row.model === BASELINE && row.csi !== null);
    return new Map(rows.map((row) => [row.lead_minutes, row.csi]));
  }
}

/** Bars of the CSI by lead time, with those of the baseline below. */
function skillChart(model, leads, baseline) {
  const keyHeight = model === BASELINE ? 0 : KEY_HEIGHT;
  const chart = svgElement("svg", {
    viewBox: `0 0 ${WIDTH} ${leads.length * ROW_HEIGHT + keyHeight}`,
    class: "skill-chart",
    role: "img",
    "aria-label": skillLabel(model, leads, baseline),
  });
  if (keyHeight) {
    chart.append(...keyEntry("model", 0, modelLabel(model)));
    chart.append(...keyEntry("baseline", 1, modelLabel(BASELINE)));
  }
  leads.forEach(({ lead_minutes: minutes, csi }, k) => {
    const top = k * ROW_HEIGHT + keyHeight;
    const compared = baseline.get(minutes) ?? null;
    const isAlone = compared === null;
    chart.append(
      text(LEFT - 8, top + 15, translate("leadTime", { minutes }), { "text-anchor": "end" }),
      bar("full", top + 3, 1, isAlone ? 14 : 19),
      bar("model", top + 3, csi, isAlone ? 14 : 10),
      ...(isAlone ? [] : [bar("baseline", top + 15, compared, 7)]),
      text(WIDTH - RIGHT + 8, top + 14, formatNumber(csi, 2, 2), { class: "value" }),
    );
  });
  return chart;
}

function keyEntry(className, line, name) {
  const top = line * KEY_ROW;
  const square = { class: className, x: LEFT, y: top + 3, width: 10, height: 10, rx: 2 };
  return [svgElement("rect", square), text(LEFT + 15, top + 12, name)];
}

function bar(className, y, share, height) {
  const width = Math.max((WIDTH - LEFT - RIGHT) * share, 1);
  return svgElement("rect", { class: className, x: LEFT, y, width, height, rx: 2 });
}

function text(x, y, content, attributes = {}) {
  return svgElement("text", { x, y, ...attributes }, content);
}

/** The numbers of the chart in words, for screen readers. */
function skillLabel(model, leads, baseline) {
  const scores = leads.map(({ lead_minutes: minutes, csi }) => {
    const compared = baseline.get(minutes) ?? null;
    const inBrackets = compared === null ? "" : ` (${formatNumber(compared)})`;
    return `${translate("leadTime", { minutes })}: ${formatNumber(csi)}${inBrackets}`;
  });
  return `${translate("skillLabel", { model: modelLabel(model) })}: ${scores.join(", ")}`;
}
