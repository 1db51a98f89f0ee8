// How good the model that is shown was lately, beside persistence.

import { ask } from "./api.js";
import { svg } from "./svg.js";
import { iso, MINUTE } from "./times.js";
import { number, say } from "./words.js";

const DAYS = 7;
const THRESHOLD = 0.5;
const AGAIN_MS = 10 * MINUTE;
const BASELINE = "persistence";
const [WIDTH, ROW, LEFT, RIGHT] = [330, 30, 62, 40];

export class Skill {
  constructor(session) {
    this.session = session;
    this.rows = null;
    this.failed = false;
    this.asked = "";
  }

  /** Ask for it, and again now and then. */
  async follow() {
    const { overview, now, wanted } = this.session;
    const end = wanted.until ?? Math.ceil(now / AGAIN_MS) * AGAIN_MS;
    const name = overview && iso(end);
    if (!overview || this.asked === name) return;
    this.asked = name;
    const from = iso(end - DAYS * 24 * 60 * MINUTE);
    try {
      const said = await ask(`verification?threshold=${THRESHOLD}&from=${from}&to=${name}`);
      [this.rows, this.failed] = [said.rows, false];
    } catch {
      this.failed = true;
    }
    this.session.change();
  }

  draw() {
    const [host, note] = ["skill-chart", "skill-note"].map((id) => document.getElementById(id));
    const { model, overview } = this.session;
    if (!overview || (!this.rows && !this.failed)) return;
    const mine = (this.rows ?? []).filter((row) => row.model === model && row.csi !== null);
    const name = [model, this.asked, this.failed, mine.length, document.documentElement.lang].join();
    if (host.dataset.shown === name) return;
    host.dataset.shown = name;
    host.replaceChildren();
    if (!mine.length) {
      note.textContent = say(this.failed ? "skillFailed" : "skillNone", { model });
      return;
    }
    const every = Math.ceil(mine.length / 6);
    const rows = mine.filter((_, k) => (k + 1) % every === 0);
    host.append(this.chart(model, rows));
    note.textContent = say("skillNote", { n: number(Math.max(...mine.map((row) => row.n_valid))) });
  }

  chart(model, rows) {
    const theirs = this.rows.filter((row) => row.model === BASELINE);
    const baseline = new Map(theirs.map((row) => [row.lead_minutes, row.csi]));
    const full = WIDTH - LEFT - RIGHT;
    const compared = model !== BASELINE;
    const keyed = compared ? 22 : 0;
    const height = rows.length * ROW + keyed;
    const made = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${height}`,
      class: "skill",
      role: "img",
      "aria-label": this.words(model, rows, baseline),
    });
    if (compared) {
      made.append(
        svg("rect", { class: "mine", x: LEFT, y: 3, width: 10, height: 10, rx: 2 }),
        svg("text", { x: LEFT + 15, y: 12 }, model),
        svg("rect", { class: "theirs", x: LEFT + 140, y: 3, width: 10, height: 10, rx: 2 }),
        svg("text", { x: LEFT + 155, y: 12 }, BASELINE),
      );
    }
    rows.forEach(({ lead_minutes: minutes, csi }, k) => {
      const top = k * ROW + keyed;
      const theirs = compared ? (baseline.get(minutes) ?? null) : null;
      const alone = theirs === null;
      const bar = (kind, y, share, high) =>
        svg("rect", { class: kind, x: LEFT, y, width: Math.max(full * share, 1), height: high, rx: 2 });
      made.append(
        svg("text", { x: LEFT - 8, y: top + 15, "text-anchor": "end" }, say("lead", { minutes })),
        bar("full", top + 3, 1, alone ? 14 : 19),
        bar("mine", top + 3, csi, alone ? 14 : 10),
        ...(alone ? [] : [bar("theirs", top + 15, theirs, 7)]),
        svg("text", { class: "value", x: WIDTH - RIGHT + 8, y: top + 14 }, number(csi, 2, 2)),
      );
    });
    return made;
  }

  words(model, rows, baseline) {
    const said = rows.map(({ lead_minutes: minutes, csi }) => {
      const theirs = baseline.get(minutes) ?? null;
      const beside = theirs === null ? "" : ` (${number(theirs)})`;
      return `${say("lead", { minutes })}: ${number(csi)}${beside}`;
    });
    return `${say("skillLabel", { model })}: ${said.join(", ")}`;
  }
}
