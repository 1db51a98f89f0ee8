// What has come from the service, and what is shown of it. The parts of the page listen to "change".

import { ask, Problem } from "./api.js";
import { forecast, outlines, radar } from "./stock.js";
import { iso, MINUTE } from "./times.js";
import { say } from "./words.js";

const AT_ONCE = 6;
const REACH = 125 * MINUTE;

export class Session extends EventTarget {
  /** Wanted: model, with, view (map, side, difference), show (rain, 0.5, 2, 5), time, until. */
  constructor(wanted) {
    super();
    this.wanted = wanted;
    this.overview = null;
    this.frames = new Map();
    this.forecasts = new Map();
    this.problem = null;
    this.lost = null;
    this.outlines = null;
  }

  change(wanted = {}) {
    Object.assign(this.wanted, wanted);
    this.dispatchEvent(new Event("change"));
  }

  /** Show another time; null for the newest frame, also of those to come. */
  move(time) {
    this.wanted.time = time === this.newest ? null : time;
    this.dispatchEvent(new Event("move"));
  }

  /** Ask what there is, and get what is new of it. Never throws: `problem` says what went wrong. */
  async refresh() {
    try {
      await this.look();
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      this.change();
      return;
    }
    this.change();
    await Promise.all([this.loadForecasts(), this.loadFrames()]);
  }

  async look() {
    const first = !this.overview;
    let said = await ask(this.address(first ? null : this.wanted.until));
    if (first) {
      this.wanted.until = past(this.wanted, Date.parse(said.radar.times.at(-1)));
      if (this.wanted.until) said = await ask(this.address(this.wanted.until));
    }
    this.overview = said;
    this.heard = performance.now();
    const last = said.radar.times.at(-1);
    if (!last) return;
    const grid = said.radar.grid;
    const lines = this.outlines || !grid ? null : outlines(grid.name).catch(() => null);
    await this.loadFrame(last);
    this.outlines ??= await lines;
    if (first) this.dispatchEvent(new Event("ready"));
  }

  address(until) {
    return until ? `grids/latest?until=${iso(until)}` : "grids/latest";
  }

  async loadFrame(time) {
    const at = Date.parse(time);
    if (this.frames.has(at)) return;
    const frame = await radar(time);
    if (frame.about.grid === this.overview.radar.grid?.name) this.frames.set(at, frame);
  }

  async loadFrames() {
    const there = this.overview.radar.times;
    this.lost = null;
    const oldest = Date.parse(there[0]);
    for (const at of this.frames.keys()) if (at < oldest) this.frames.delete(at);
    const lacking = there.filter((time) => !this.frames.has(Date.parse(time)));
    const one = async () => {
      while (lacking.length) {
        const time = lacking.pop();
        try {
          await this.loadFrame(time);
        } catch {
          this.lost = Date.parse(time);
        }
        this.change();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }

  /** The forecasts that are shown now. */
  async loadForecasts() {
    const names = this.models;
    const issue = this.issue;
    await Promise.all(
      names.map(async (name) => {
        const { version } = this.about(name) ?? {};
        if (!issue || this.forecasts.get(name)?.issue === issue) return;
        try {
          this.forecasts.set(name, { issue, grid: await forecast(name, version, issue) });
        } catch (problem) {
          this.forecasts.set(name, { issue: null, problem });
        }
        this.change();
      }),
    );
  }

  about(name) {
    return this.overview?.models.find((model) => model.name === name);
  }

  get model() {
    const { model } = this.wanted;
    return this.about(model) ? model : this.overview?.default_model;
  }

  get other() {
    const { with: other } = this.wanted;
    if (this.about(other) && other !== this.model) return other;
    const names = (this.overview?.models ?? []).map(({ name }) => name);
    const usual = ["persistence", "advection", ...names].filter((name) => names.includes(name));
    return usual.find((name) => name !== this.model);
  }

  get view() {
    const { view } = this.wanted;
    return ["side", "difference"].includes(view) && this.other ? view : "map";
  }

  /** Threshold of the chance that is shown in mm/h; null where it is the rain. */
  get threshold() {
    return this.view === "difference" || !Number(this.wanted.show) ? null : Number(this.wanted.show);
  }

  get models() {
    return this.view === "map" ? [this.model] : [this.model, this.other];
  }

  /** The newest issue that all models shown have. */
  get issue() {
    const lists = this.models.map((name) => this.about(name)?.issues ?? []);
    return lists[0]?.find((issue) => lists.every((list) => list.includes(issue)));
  }

  /** Why there is no forecast, if there is none. */
  get lack() {
    const [model, other] = this.models;
    for (const name of this.models) {
      const problem = this.about(name)?.problem ?? this.forecasts.get(name)?.problem?.message;
      if (problem) return problem;
      if (!this.about(name)?.issues.length) return say("noForecast", { model: name });
    }
    return this.issue ? null : say("noneCommon", { model, other });
  }

  grid(name) {
    const found = this.forecasts.get(name);
    return found && found.issue === this.issue ? found.grid : null;
  }

  get newest() {
    const last = this.overview?.radar.times.at(-1);
    return last ? Date.parse(last) : null;
  }

  /** Now, as the service has it. */
  get now() {
    return Date.parse(this.overview.now) + performance.now() - this.heard;
  }

  get stale() {
    if (!this.newest || this.wanted.until) return false;
    return this.now - this.newest > this.overview.stale_minutes * MINUTE;
  }

  /** Times that can be shown, oldest first: {time, observed}. */
  steps() {
    const frames = this.view === "difference" ? [] : [...this.frames.keys()];
    const grids = this.models.map((name) => this.grid(name)).filter(Boolean);
    const shared = grids.length
      ? grids[0].times.filter((time) => grids.every((grid) => grid.times.includes(time)))
      : [];
    const coming = shared.filter((time) => time > this.newest);
    return [
      ...frames.sort((a, b) => a - b).map((time) => ({ time, observed: true })),
      ...coming.map((time) => ({ time, observed: false })),
    ];
  }

  /** The step nearest to the time that is wanted; the newest frame where none is. */
  step(steps = this.steps()) {
    const wanted = this.wanted.time ?? this.newest;
    const away = ({ time }) => Math.abs(time - wanted);
    return steps.length ? steps.reduce((a, b) => (away(b) < away(a) ? b : a)) : null;
  }
}

/** The time up to which a link from the past wants to see; null where the present shows it too. */
function past({ time, until }, newest) {
  if (until) return until < newest ? until : null;
  const near = time > newest - REACH && time <= newest + REACH;
  return time && !near ? time : null;
}
