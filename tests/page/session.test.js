// What is shown, given what the service has and what the user wants.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatValue, valueAt } from "../../service/api/page/static/fields.js";
import { archiveTime, Session } from "../../service/api/page/static/session.js";
import { setLanguage } from "../../service/api/page/static/texts.js";
import { MINUTE, setPresent, setTimeFormat, toIso } from "../../service/api/page/static/times.js";
import { isOfBoth, sumPeriod, viewState } from "../../service/api/page/static/view.js";

const NEWEST = Date.parse("2026-06-21T22:20:00Z");
const OLDER = NEWEST - 10 * MINUTE;
const LEADS = [30, 60].map((minutes) => NEWEST + minutes * MINUTE);

/** Fields of one cell, with a code per time. */
const fields = (times, planes) => ({
  header: { grid: "sphere" },
  times,
  planes: Object.fromEntries(
    Object.entries(planes).map(([name, codes]) => {
      return [name, codes.map((code) => Uint16Array.of(code))];
    }),
  ),
});

function model(name, ...issues) {
  return { name, version: "1", issues: issues.map(toIso), problem: null };
}

/** A session in which three models have forecasts; "broken" has none. */
function session(wanted = {}) {
  const created = new Session(wanted);
  const times = [NEWEST - 5 * MINUTE, NEWEST];
  created.overview = {
    now: toIso(NEWEST + 6 * MINUTE),
    stale_minutes: 20,
    default_model: "network",
    sum_minutes: [15, 60, 360],
    radar: { times: times.map(toIso), grid: { name: "sphere", shape: [1, 1] } },
    models: [
      model("network", NEWEST, OLDER),
      model("advection", OLDER),
      model("persistence", NEWEST, OLDER),
      model("broken"),
    ],
  };
  created.receivedAt = performance.now();
  times.forEach((time, k) => {
    created.frames.set(time, fields([time], { rainfall_rate: [100 * k] }));
  });
  for (const { name, issues } of created.overview.models) {
    if (!issues.includes(created.issue)) continue;
    const planes = { rainfall_rate: [200, 300] };
    if (name === "network") planes["exceedance_probability_0.5"] = [40, 60];
    const loaded = { issue: created.issue, fields: fields(LEADS, planes) };
    created.forecasts.set(name, { ...loaded, withProbabilities: true });
  }
  return created;
}

test("the default model is shown on one map, at the newest frame", () => {
  const shown = session();
  assert.deepEqual([shown.view, shown.models, shown.threshold], ["map", ["network"], null]);
  assert.equal(shown.issue, toIso(NEWEST));
  assert.deepEqual(shown.currentStep(), { time: NEWEST, observed: true });
  assert.equal(shown.missingReason, null);
});

test("unknown models and views are replaced by the defaults", () => {
  const shown = session({ model: "nobody", with: "nobody", view: "nothing", show: "much" });
  assert.deepEqual([shown.model, shown.comparedModel], ["network", "persistence"]);
  assert.deepEqual([shown.view, shown.threshold], ["map", null]);
});

test("a model is compared with another one, by default with a baseline", () => {
  const compared = (wanted) => session(wanted).comparedModel;
  assert.equal(compared({ model: "persistence" }), "advection");
  assert.equal(compared({ model: "network", with: "network" }), "persistence");
  assert.equal(compared({ model: "network", with: "advection" }), "advection");
});

test("models side by side start from the newest frame that both start from", () => {
  const shown = session({ view: "side", with: "advection" });
  assert.equal(shown.issue, toIso(OLDER));
  assert.deepEqual(shown.models, ["network", "advection"]);
});

test("steps are frames and then lead times, in order", () => {
  const steps = session().steps();
  assert.deepEqual(steps.map(({ time }) => time), [NEWEST - 5 * MINUTE, NEWEST, ...LEADS]);
  assert.deepEqual(steps.map(({ observed }) => observed), [true, true, false, false]);
  assert.deepEqual(
    session({ view: "difference" }).steps().map(({ time }) => time),
    LEADS,
  );
});

test("the step nearest to the wanted time is shown", () => {
  const shown = session();
  shown.showTime(LEADS[0] + MINUTE);
  assert.equal(shown.currentStep().time, LEADS[0]);
  shown.showTime(NEWEST);
  assert.equal(shown.wanted.time, null);
  assert.equal(session({ time: 0 }).currentStep().time, NEWEST - 5 * MINUTE);
});

test("without radar there is nothing to show", () => {
  const empty = session();
  empty.overview.radar.times = [];
  empty.frames.clear();
  empty.forecasts.clear();
  assert.equal(empty.newestTime, null);
  assert.equal(empty.currentStep(), null);
  assert.equal(empty.stale, false);
});

test("radar is stale after the time that the service says, but never in the archive", () => {
  const shown = session();
  assert.equal(shown.stale, false);
  shown.overview.now = toIso(NEWEST + 21 * MINUTE);
  assert.equal(shown.stale, true);
  shown.wanted.until = NEWEST;
  assert.equal(shown.stale, false);
});

test("a missing forecast has a reason", () => {
  setLanguage("en");
  assert.match(session({ model: "broken" }).missingReason, /^broken has no forecast/);
  const problem = session({ model: "broken" });
  problem.modelInfo("broken").problem = "weights are missing";
  assert.equal(problem.missingReason, "weights are missing");
  const apart = session({ view: "side", with: "advection" });
  apart.overview.models[1].issues = [toIso(NEWEST - 60 * MINUTE)];
  assert.match(apart.missingReason, /^network and Moved radar have no forecasts/);
});

test("a link opens the archive if it shows a time far from now", () => {
  const far = NEWEST - 24 * 60 * MINUTE;
  assert.equal(archiveTime({ time: null, until: null }, NEWEST), null);
  assert.equal(archiveTime({ time: NEWEST - 60 * MINUTE, until: null }, NEWEST), null);
  assert.equal(archiveTime({ time: far, until: null }, NEWEST), far);
  assert.equal(archiveTime({ time: far, until: far + MINUTE }, NEWEST), far + MINUTE);
  assert.equal(archiveTime({ time: NEWEST, until: NEWEST }, NEWEST), null);
});

test("maps show rain, probabilities, what was observed, or differences", () => {
  const kinds = (wanted, time) => {
    const shown = session({ ...wanted, time });
    return viewState(shown, shown.currentStep()).map(({ field }) => field?.kind ?? null);
  };
  assert.deepEqual(kinds({}, NEWEST), ["rain"]);
  assert.deepEqual(kinds({}, LEADS[1]), ["rain"]);
  assert.deepEqual(kinds({ show: "0.5" }, NEWEST), ["exceedance"]);
  assert.deepEqual(kinds({ show: "0.5" }, LEADS[0]), ["probability"]);
  assert.deepEqual(kinds({ show: "0.5", view: "side" }, LEADS[0]), ["probability", null]);
  assert.deepEqual(kinds({ view: "difference" }, LEADS[0]), ["difference"]);
});

test("maps show rain sums of a period that the service has", () => {
  const shown = session({ show: "sum_60" });
  assert.deepEqual([shown.sumMinutes, shown.threshold], [60, null]);
  for (const show of ["sum_61", "sum_", "sum_60x", "60", "rain", undefined]) {
    assert.equal(session({ show }).sumMinutes, null, show);
  }
});

/** A session that shows sums of an hour, which have all come. */
function summing(wanted = {}) {
  const shown = session({ show: "sum_60", ...wanted });
  const times = shown.overview.radar.times;
  Object.assign(shown.sums, { minutes: 60, isoTimes: times });
  times.forEach((isoTime, k) => {
    shown.sums.sums.set(isoTime, fields([isoTime], { precipitation_amount: [[310], [420]][k] }));
  });
  for (const entry of shown.forecasts.values()) {
    entry.fields.planes.precipitation_amount = [510, 620].map((code) => Uint16Array.of(code));
    entry.sumMinutes = 60;
  }
  return shown;
}

test("sums are measured up to the newest frame and then of radar and forecast", () => {
  const sumAt = (time, wanted) => {
    const shown = summing({ ...wanted, time });
    const [{ field }] = viewState(shown, shown.currentStep());
    return [field.kind, formatValue(field, valueAt(field, 0))];
  };
  setLanguage("en");
  assert.deepEqual(sumAt(NEWEST), ["sum", "4.2 mm"]);
  assert.deepEqual(sumAt(LEADS[1]), ["sum", "6.2 mm"]);
  assert.deepEqual(sumAt(LEADS[1], { view: "difference" }), ["difference", "0 mm"]);
});

test("the period of a sum ends at the displayed time", () => {
  setTimeFormat("UTC", "en");
  setPresent(NEWEST);
  const shown = summing();
  const [older, newest, near, far] = shown.steps();
  assert.deepEqual(
    [older, newest, near, far].map((step) => sumPeriod(shown, step)),
    ["21:15–22:15", "21:20–22:20", "21:50–22:50", "22:20–23:20"],
  );
  assert.deepEqual(
    [older, newest, near, far].map((step) => isOfBoth(shown, step)),
    [false, false, true, false],
  );
  assert.equal(sumPeriod(session(), newest), "");
});

test("a sum that has not come is being loaded, and is not taken for no data", () => {
  const shown = summing({ show: "sum_15" });
  for (const step of shown.steps()) {
    const [{ field, reason, isLoading }] = viewState(shown, step);
    assert.deepEqual({ field, reason, isLoading }, { field: null, reason: null, isLoading: true });
  }
});

test("a sum that lacks too many radar frames says so, and so does a forecast without sums", () => {
  setLanguage("en");
  const lacking = summing();
  lacking.sums.sums.set(toIso(NEWEST), fields([NEWEST], { precipitation_amount: [0xffff] }));
  assert.match(viewState(lacking, lacking.currentStep())[0].reason, /too many radar images/);
  for (const view of ["map", "side", "difference"]) {
    const without = summing({ view, time: LEADS[1] });
    delete without.forecast("network").planes.precipitation_amount;
    const [{ field, reason }] = viewState(without, without.currentStep());
    assert.equal(field, null);
    assert.equal(reason, "network has no rain sums for this time.");
  }
});

test("a map without a field says why", () => {
  setLanguage("en");
  const shown = session({ show: "0.5", view: "side", time: LEADS[0] });
  const [first, second] = viewState(shown, shown.currentStep());
  assert.equal(first.reason, null);
  assert.match(second.reason, /^Unchanged radar does not forecast probabilities/);
});
