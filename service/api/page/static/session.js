// State of the page: what the service has sent, and what the user wants to see of it. The parts of
// the page listen to the events "ready" (the first frame is there), "change" and "time".

import { Problem, request } from "./api.js";
import { loadForecast, loadFrame, loadOutlines } from "./field_cache.js";
import { MeasuredSums } from "./measured_sums.js";
import { modelLabel } from "./model_names.js";
import { loadNewestFirst } from "./parallel.js";
import { translate } from "./texts.js";
import { MINUTE, setPresent, toIso } from "./times.js";

/** A link to a time farther than this from the newest frame opens the archive. */
const LIVE_RANGE = 125 * MINUTE;
/** Models that others are compared with, the preferred one first. */
const BASELINES = ["persistence", "advection"];

export class Session extends EventTarget {
  /**
   * @param {object} wanted - What the user wants to see: `model`; `with`, the model compared with;
   *   `view` (map, side, difference); `show` (rain, a threshold in mm/h, or sum_60 for rain sums of
   *   60 minutes); `time`, null for the newest frame; `until`, null for now, or the time at which
   *   the archive is opened.
   */
  constructor(wanted) {
    super();
    this.wanted = wanted;
    this.overview = null;
    this.frames = new Map();
    this.forecasts = new Map();
    this.sums = new MeasuredSums(() => this.change());
    this.problem = null;
    this.failedFrame = null;
    this.outlines = null;
  }

  change(wanted = {}) {
    Object.assign(this.wanted, wanted);
    this.dispatchEvent(new Event("change"));
  }

  /** Show another time; null follows the newest frame. */
  showTime(time) {
    this.wanted.time = time === this.newestTime ? null : time;
    this.dispatchEvent(new Event("time"));
  }

  /** Load what is new at the service. Sets `problem` where the service cannot be asked. */
  async refresh() {
    try {
      await this.loadOverview();
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      this.change();
      return;
    }
    this.change();
    await Promise.all([this.loadForecasts(), this.loadFrames(), this.loadSums()]);
  }

  async loadOverview() {
    const isFirst = !this.overview;
    let overview = await request(overviewPath(isFirst ? null : this.wanted.until));
    if (isFirst) {
      this.wanted.until = archiveTime(this.wanted, Date.parse(overview.radar.times.at(-1)));
      if (this.wanted.until) overview = await request(overviewPath(this.wanted.until));
    }
    this.overview = overview;
    this.receivedAt = performance.now();
    setPresent(Date.parse(overview.now));
    const { times, grid } = overview.radar;
    if (!times.length) return;
    const outlines = this.outlines || !grid ? null : loadOutlines(grid.name, "land", "borders").catch(() => null);
    await this.loadFrame(times.at(-1));
    this.outlines ??= await outlines;
    // Another country has a projection of its own, which comes with its outlines.
    if (isFirst && overview.domain && !this.outlines) {
      this.overview = null;
      return;
    }
    if (isFirst) this.dispatchEvent(new Event("ready"));
  }

  async loadFrame(isoTime) {
    const time = Date.parse(isoTime);
    if (this.frames.has(time)) return;
    const frame = await loadFrame(isoTime);
    if (frame.header.grid === this.overview.radar.grid?.name) this.frames.set(time, frame);
  }

  /** Load the frames of the last two hours, the newest first, and drop older ones. */
  async loadFrames() {
    const { times } = this.overview.radar;
    this.failedFrame = null;
    const oldest = Date.parse(times[0]);
    for (const time of this.frames.keys()) if (time < oldest) this.frames.delete(time);
    const missing = times.filter((time) => !this.frames.has(Date.parse(time)));
    await loadNewestFirst(missing, async (time) => {
      try {
        await this.loadFrame(time);
      } catch {
        this.failedFrame = Date.parse(time);
      }
      this.change();
    });
  }

  /** Load the measured rain sums, if they are shown. */
  loadSums() {
    return this.sums.load(this.sumMinutes, this.overview?.radar.times ?? []);
  }

  /** Load the forecasts of the models that are shown. */
  async loadForecasts() {
    const { issue } = this;
    if (!issue) return;
    const withProbabilities = this.threshold !== null;
    const { sumMinutes } = this;
    const outdated = this.models.filter((name) => {
      const entry = this.forecasts.get(name);
      return entry?.issue !== issue || !this.hasShown(entry);
    });
    const load = async (name) => {
      try {
        const info = this.modelInfo(name);
        const fields = await loadForecast(info, issue, withProbabilities, sumMinutes);
        // Otherwise what has been chosen since then is being loaded.
        if (!this.hasShown({ withProbabilities, sumMinutes })) return;
        this.forecasts.set(name, { issue, fields, withProbabilities, sumMinutes });
      } catch (problem) {
        this.forecasts.set(name, { issue: null, problem });
      }
      this.change();
    };
    await Promise.all(outdated.map(load));
  }

  /** Whether an entry of a forecast has the planes that are shown. */
  hasShown({ withProbabilities, sumMinutes }) {
    const hasSums = !this.sumMinutes || sumMinutes === this.sumMinutes;
    return hasSums && (this.threshold === null || Boolean(withProbabilities));
  }

  /** Whether what is shown of the forecast of a model is being loaded. */
  isLoading(name) {
    const entry = this.forecasts.get(name);
    if (!this.issue || entry?.problem) return false;
    return entry?.issue !== this.issue || !this.hasShown(entry);
  }

  /** What the service says about a model; undefined for a model that it does not have. */
  modelInfo(name) {
    return this.overview?.models.find((model) => model.name === name);
  }

  get model() {
    const { model } = this.wanted;
    return this.modelInfo(model) ? model : this.overview?.default_model;
  }

  get comparedModel() {
    const { with: wanted } = this.wanted;
    if (this.modelInfo(wanted) && wanted !== this.model) return wanted;
    const names = (this.overview?.models ?? []).map(({ name }) => name);
    const preferred = [...BASELINES.filter((name) => names.includes(name)), ...names];
    return preferred.find((name) => name !== this.model);
  }

  get view() {
    const { view } = this.wanted;
    return ["side", "difference"].includes(view) && this.comparedModel ? view : "map";
  }

  /** Threshold in mm/h whose probability is shown; null where rain is shown. */
  get threshold() {
    if (this.view === "difference") return null;
    return Number(this.wanted.show) || null;
  }

  /** Length in minutes of the period whose rain sums are shown; null where none are. */
  get sumMinutes() {
    const [, minutes] = /^sum_(\d+)$/.exec(this.wanted.show) ?? [];
    return this.overview?.sum_minutes.includes(Number(minutes)) ? Number(minutes) : null;
  }

  /** Names of the models that are shown. */
  get models() {
    return this.view === "map" ? [this.model] : [this.model, this.comparedModel];
  }

  /** The newest start time that the forecasts of all shown models have in common. */
  get issue() {
    const [first, ...others] = this.models.map((name) => this.modelInfo(name)?.issues ?? []);
    return first.find((issue) => others.every((issues) => issues.includes(issue)));
  }

  /** Why there is no forecast; null if there is one. */
  get missingReason() {
    const [model, other] = this.models;
    for (const name of this.models) {
      const info = this.modelInfo(name);
      const problem = info?.problem ?? this.forecasts.get(name)?.problem?.message;
      if (problem) return problem;
      if (!info?.issues.length) return translate("noForecastByModel", { model: modelLabel(name) });
    }
    if (this.issue) return null;
    const names = { model: modelLabel(model), other: modelLabel(other) };
    return translate("noCommonForecast", names);
  }

  /** The forecast of a model from the common start time; null if it is not loaded. */
  forecast(name) {
    const entry = this.forecasts.get(name);
    return entry && entry.issue === this.issue ? entry.fields : null;
  }

  get newestTime() {
    const last = this.overview?.radar.times.at(-1);
    return last ? Date.parse(last) : null;
  }

  /** The present time by the clock of the service. */
  get now() {
    return Date.parse(this.overview.now) + performance.now() - this.receivedAt;
  }

  get stale() {
    if (!this.newestTime || this.wanted.until) return false;
    return this.now - this.newestTime > this.overview.stale_minutes * MINUTE;
  }

  /** Times that can be shown, oldest first: {time, observed}. */
  steps() {
    const frames = this.view === "difference" ? [] : [...this.frames.keys()];
    const forecasts = this.models.map((name) => this.forecast(name)).filter(Boolean);
    const [first, ...others] = forecasts.map(({ times }) => times);
    const common = (first ?? []).filter((time) => others.every((times) => times.includes(time)));
    const future = common.filter((time) => time > this.newestTime);
    return [
      ...frames.sort((a, b) => a - b).map((time) => ({ time, observed: true })),
      ...future.map((time) => ({ time, observed: false })),
    ];
  }

  /** The step nearest to the wanted time, which is by default the newest frame; null for none. */
  currentStep(steps = this.steps()) {
    const wanted = this.wanted.time ?? this.newestTime;
    const distance = ({ time }) => Math.abs(time - wanted);
    return steps.length ? steps.reduce((a, b) => (distance(b) < distance(a) ? b : a)) : null;
  }
}

function overviewPath(until) {
  return until ? `grids/latest?until=${toIso(until)}` : "grids/latest";
}

/** Time at which a link opens the archive; null where it shows the present. */
export function archiveTime({ time, until }, newestTime) {
  if (until) return until < newestTime ? until : null;
  const isLive = Math.abs(time - newestTime) <= LIVE_RANGE;
  return time && !isLive ? time : null;
}
