// Rain at one place: what was measured there and what is forecast, in words, as a chart and as a
// table. The forecast is requested for the place; the measurements are read from the frames.

import { request } from "./api.js";
import { byId, element } from "./dom.js";
import { formatValue, rainField, valueAt } from "./fields.js";
import { modelLabel } from "./model_names.js";
import { forecastTable, hasRanges, rainChart } from "./rain_chart.js";
import { forecastAtPlace, rainSummary } from "./rain_summary.js";
import { translate } from "./texts.js";
import { nameOf, nearName, placeOf } from "./towns.js";
import { DIFFERENCE, sumPeriod, viewState } from "./view.js";

export class PlacePanel {
  constructor(session) {
    this.session = session;
    this.place = null;
    /** That of the radar, as soon as it is known. */
    this.projection = null;
    this.requested = "";
    this.response = null;
    this.problem = null;
    this.drawSums = null;
  }

  /** Choose a place {lon, lat} with its names, if it has any; or null for none. */
  choose(place) {
    this.place = place;
    this.requested = "";
    this.response = this.problem = this.drawSums = null;
    this.session.change();
    if (place && !place.name) this.findName(place);
  }

  /** Find the name of what is at a place; without one it is named after a town. */
  async findName(place) {
    const query = new URLSearchParams({ lat: place.lat.toFixed(4), lon: place.lon.toFixed(4) });
    const { places } = await request(`places?${query}`).catch(() => ({ places: [] }));
    if (!places.length || this.place !== place) return;
    place.near = placeOf(places[0]);
    this.session.change();
  }

  /** Name of the place in the language of the page. */
  get name() {
    const { place } = this;
    return place.name ? nameOf(place) : nearName(place.lon, place.lat, place.near);
  }

  /** Whether the place is outside the area of the radar. */
  isOutside(projection) {
    const [column, row] = this.cell(projection);
    const [rows, columns] = this.session.overview.radar.grid.shape;
    return !(column >= 0 && row >= 0 && column < columns && row < rows);
  }

  /** Request the forecast, unless it is the one that was requested last. */
  async update() {
    const { session, place, projection } = this;
    if (!place || !session.overview || !projection || this.isOutside(projection)) return;
    const { issue, model } = session;
    const coords = `POINT(${place.lon.toFixed(4)} ${place.lat.toFixed(4)})`;
    const query = new URLSearchParams({ coords, model, leads: "all" });
    if (session.wanted.until && issue) query.set("issue", issue);
    const path = `collections/nowcast/position?${query}`;
    const name = `${path} ${issue}`;
    if (this.requested === name) return;
    this.requested = name;
    const sums = this.loadSums(query);
    let [response, problem] = [null, null];
    try {
      response = await request(path);
    } catch (error) {
      problem = error;
    }
    if (this.requested !== name) return;
    Object.assign(this, { response, problem });
    session.change();
    const loaded = await sums;
    if (this.requested !== name) return;
    this.drawSums = loaded;
    session.change();
  }

  /** Request the rain sums. Returns a function that draws them; null where there are none. */
  async loadSums(forecastQuery) {
    const { lat, lon } = this.place;
    const query = new URLSearchParams({ lat: lat.toFixed(4), lon: lon.toFixed(4) });
    for (const name of ["model", "issue"]) {
      if (forecastQuery.has(name)) query.set(name, forecastQuery.get(name));
    }
    const loading = [request(`sums?${query}`), import("./place_sums.js")];
    const [sums, { sumsTable }] = await Promise.all(loading).catch(() => [null, {}]);
    return sums && (() => sumsTable(sums));
  }

  /** Column and row of the place in the grid; null for no place. */
  cell(projection) {
    return this.place && projection.toCell(this.place.lon, this.place.lat);
  }

  /** Measured rates, oldest first: {time, rate}, null for no data. */
  measured(projection) {
    const [column, row] = this.cell(projection).map(Math.floor);
    const [, columns] = this.session.overview.radar.grid.shape;
    const rate = ({ planes }) =>
      valueAt(rainField(planes.rainfall_rate[0]), row * columns + column);
    return [...this.session.frames]
      .sort(([a], [b]) => a - b)
      .map(([time, frame]) => ({ time, rate: rate(frame) }));
  }

  /** Draw the rain sum of the maps at the place; nothing where they show none. */
  drawShownSum() {
    const { session, place, projection } = this;
    const host = byId("place-sum");
    const step = place && projection && session.overview ? session.currentStep() : null;
    const period = step && !this.isOutside(projection) ? sumPeriod(session, step) : "";
    host.hidden = !period;
    if (!period) return;
    const [column, row] = this.cell(projection).map(Math.floor);
    const [, columns] = session.overview.radar.grid.shape;
    const maps = viewState(session, step).filter(({ field }) => field);
    const sums = maps.map(({ model, field }) => {
      const value = formatValue(field, valueAt(field, row * columns + column));
      const isNamed = model && session.view !== "map";
      return isNamed ? `${model.split(DIFFERENCE).map(modelLabel).join(DIFFERENCE)}: ${value}` : value;
    });
    const known = [...new Set(sums)].join("; ");
    host.replaceChildren(`${translate("sumOf", { period })}: `, element("b", {}, known || "…"));
  }

  draw(projection, theme) {
    this.drawShownSum();
    const [name, summary, host] = ["place-name", "place-summary", "place-forecast"].map(byId);
    const { place } = this;
    byId("close-place").hidden = !place;
    byId("place").classList.toggle("chosen", Boolean(place));
    if (!place || !projection) {
      name.textContent = translate("placeTitle");
      summary.textContent = translate("placeHint");
      host.replaceChildren();
      return;
    }
    const isOutside = this.isOutside(projection);
    name.textContent = isOutside && !place.name ? translate("placeElsewhere") : this.name;
    if (isOutside) {
      summary.textContent = translate("placeOutside");
      host.replaceChildren();
      return;
    }
    const { newestTime: newest, now: present, wanted } = this.session;
    const measured = this.measured(projection);
    const issue = this.response && Date.parse(this.response["nowcast:issue_time"]);
    // The archive shows no forecast that starts later than its newest frame.
    const isFromLater = wanted.until && issue > newest;
    const all = this.response && !isFromLater ? forecastAtPlace(this.response) : [];
    const forecast = all.filter(({ time }) => time > newest);
    summary.textContent = this.summary(all, issue);
    const now = wanted.until ? null : present;
    host.replaceChildren(
      rainChart({ measured, forecast, newest, now, theme }),
      ...(hasRanges(forecast) ? [element("p", { className: "note" }, translate("rangeNote"))] : []),
      ...(forecast.length ? [forecastTable(forecast, issue)] : []),
      ...(this.drawSums && !isFromLater ? this.drawSums() : []),
    );
  }

  summary(forecast, issue) {
    const { response, problem, session } = this;
    if (problem) return problem.message;
    if (!response) return translate("loading");
    if (!forecast.length) return session.missingReason ?? translate("noForecast");
    return rainSummary(response["nowcast:summary"], { issue, stale: session.stale });
  }
}
