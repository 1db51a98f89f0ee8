// Rain at one place: what was measured there and what is forecast, in words, as a curve and a table.
// The forecast is what the service says for the place, asked once; the past is in the frames.

import { ask } from "./api.js";
import { curve, table } from "./chart.js";
import { PER_MM } from "./fields.js";
import { nearest } from "./places.js";
import { clock } from "./times.js";
import { number, say } from "./words.js";

const WET = 0.1;
const NEAR_KM = 6;
const NO_RATE = 0xffff;

export class Place {
  constructor(session) {
    this.session = session;
    this.at = null;
    this.asked = "";
    this.answer = null;
    this.problem = null;
  }

  /** Take a place in degrees, or none. */
  choose(lon, lat) {
    this.at = lon === undefined ? null : { lon, lat };
    this.asked = "";
    this.answer = this.problem = null;
    this.session.change();
  }

  /** Ask for the forecast where there is another to ask for. */
  async follow() {
    const { session, at } = this;
    if (!at || !session.overview) return;
    const { issue, model } = session;
    const { until } = session.wanted;
    const coords = `POINT(${at.lon.toFixed(4)} ${at.lat.toFixed(4)})`;
    const words = new URLSearchParams({ coords, model });
    if (until && issue) words.set("issue", issue);
    const wanted = `collections/nowcast/position?${words}`;
    const name = `${wanted} ${issue}`;
    if (this.asked === name) return;
    this.asked = name;
    try {
      const answer = await ask(wanted);
      if (this.asked === name) [this.answer, this.problem] = [answer, null];
    } catch (problem) {
      if (this.asked === name) [this.answer, this.problem] = [null, problem];
    }
    if (this.asked === name) session.change();
  }

  /** Column and row in the grid. */
  cell(project) {
    return this.at && project.toCell(this.at.lon, this.at.lat);
  }

  /** Rates that were measured: {time, rate or null}. */
  measured(project) {
    const [column, row] = this.cell(project).map(Math.floor);
    const [rows, columns] = this.session.overview.radar.grid.shape;
    if (column < 0 || row < 0 || column >= columns || row >= rows) return [];
    return [...this.session.frames]
      .sort(([a], [b]) => a - b)
      .map(([time, frame]) => {
        const code = frame.planes.rainfall_rate[0][row * columns + column];
        return { time, rate: code === NO_RATE ? null : code / PER_MM };
      });
  }

  draw(project, theme) {
    const at = (id) => document.getElementById(id);
    const [name, words, host] = [at("place-name"), at("place-words"), at("place-curve")];
    at("leave").hidden = !this.at;
    at("place").classList.toggle("chosen", Boolean(this.at));
    if (!this.at || !project) {
      name.textContent = say("placeTitle");
      words.textContent = say("placeHint");
      host.replaceChildren();
      return;
    }
    const { newest, now, wanted } = this.session;
    const measured = this.measured(project);
    const issue = this.answer && Date.parse(this.answer["nowcast:issue_time"]);
    // The past is not explained by a forecast that came later.
    const fits = this.answer && !(wanted.until && issue > newest);
    const coming = fits ? forecastOf(this.answer) : [];
    const ahead = coming.filter(({ time }) => time > newest);
    name.textContent = called(this.at);
    if (this.problem) words.textContent = this.problem.message;
    else if (fits) words.textContent = sentence(this, measured, coming);
    else words.textContent = this.answer ? this.session.lack : say("loading");
    const clocked = wanted.until ? null : now;
    host.replaceChildren(
      curve({ measured, coming, newest, now: clocked, theme }),
      ...(ahead.length ? [table(ahead, issue)] : []),
    );
  }
}

/** Berlin, or 24 km NE of Leipzig. */
export function called({ lon, lat }) {
  const { town, km, direction } = nearest(lon, lat);
  const name = document.documentElement.lang === "de" ? town[1] || town[0] : town[0];
  if (km < NEAR_KM) return say("at", { town: name });
  return say("near", { km: Math.round(km), direction: say(direction), town: name });
}

/** {time, rate, chances: [[mm, share]]} by lead; null is no data. */
function forecastOf({ domain, ranges }) {
  const chances = Object.keys(ranges)
    .filter((name) => name.startsWith("exceedance_probability_"))
    .map((name) => Number(name.slice(12)))
    .sort((a, b) => a - b);
  return domain.axes.t.values.map((time, k) => ({
    time: Date.parse(time),
    rate: ranges.rainfall_rate.values[k],
    chances: chances.map((mm) => [mm, ranges[`exceedance_probability_${mm}`].values[k]]),
  }));
}

/** When rain starts and ends, as exactly as the leads tell. */
function sentence({ session, answer }, measured, coming) {
  const summary = answer["nowcast:summary"];
  const issue = Date.parse(answer["nowcast:issue_time"]);
  const last = measured.at(-1);
  const wetNow = last?.time === session.newest && last.rate >= WET;
  const words = session.stale ? [say("saidStale", { time: clock(issue) })] : [];
  if (summary.state === "unknown") {
    const none = coming.every(({ rate }) => rate === null);
    words.push(say(none ? "saidUnknown" : "saidPartly"));
  } else if (summary.state === "dry") {
    const ends = { first: clock(coming[0].time), end: clock(coming.at(-1).time) };
    words.push(say(wetNow ? "saidDryNow" : "saidDry", ends));
  } else {
    words.push(...rainy(summary, coming, issue, wetNow));
  }
  return words.join(" ");
}

function rainy({ starts, ends, complete }, coming, issue, wetNow) {
  /** Between the lead before a time and the time itself. */
  const around = (text) => {
    const time = Date.parse(text);
    const k = coming.findIndex((lead) => lead.time === time);
    return { from: clock(k > 0 ? coming[k - 1].time : issue), to: clock(time) };
  };
  const words = [];
  const first = Date.parse(starts) === coming[0].time;
  if (first) words.push(wetNow ? say("saidRains") : say("saidStartsBy", around(starts)));
  else words.push(say("saidStarts", around(starts)));
  const end = clock(coming.at(-1).time);
  if (ends) words.push(say("saidEnds", around(ends)));
  else words.push(say(complete ? "saidOn" : "saidEndUnknown", { end }));
  const wet = coming.map(({ rate }) => rate >= WET);
  const pauses = wet.slice(wet.indexOf(true), wet.lastIndexOf(true)).includes(false);
  if (pauses) words.push(say("saidPauses"));
  const peak = Math.max(...coming.map(({ rate }) => rate ?? 0));
  return [...words, say("saidPeak", { rate: number(peak) })];
}
