// Messages above the map (outdated radar, problems, the archive), and the ages in the header.

import { setApiKey } from "./api.js";
import { byId, element } from "./dom.js";
import { translate } from "./texts.js";
import { formatClock, formatDate, formatDuration, formatTime, MINUTE } from "./times.js";

/** Texts of what a service prepares that is starting. */
const STEPS = { loading: "startingLoading", opening: "startingOpening" };

/** Returns a function that updates the notices. */
export function createNotices(session) {
  return () => {
    drawAges(session);
    drawStale(session);
    drawNotice(byId("problem"), ...problemTexts(session));
    if (session.problem?.status === 401) askForKey(byId("problem"), session);
    drawArchive(session);
    const { attribution, simulated } = session.overview?.radar ?? {};
    byId("attribution").textContent = simulated ? translate("simulatedSource") : attribution ?? "";
    byId("simulated").hidden = !simulated;
  };
}

function drawStale(session) {
  const { stale, newestTime } = session;
  if (!stale && session.overview?.radar.suspect) {
    drawNotice(byId("stale"), translate("suspectTitle"), translate("suspectDetail"));
    return;
  }
  if (!stale) {
    drawNotice(byId("stale"));
    return;
  }
  const age = formatDuration((session.now - newestTime) / 1000);
  const detail = translate("staleDetail", { age, time: formatTime(newestTime) });
  drawNotice(byId("stale"), translate("staleTitle"), detail);
}

function drawArchive(session) {
  const { until } = session.wanted;
  if (!until) {
    drawNotice(byId("archive"));
    return;
  }
  const title = translate("archiveTitle", { day: formatDate(until), time: formatClock(until) });
  const backToNow = () => {
    session.change({ until: null, time: null });
    session.refresh();
  };
  drawNotice(byId("archive"), title, translate("archiveDetail"), backToNow);
}

function drawAges(session) {
  const { overview, newestTime, stale, issue } = session;
  const [radar, forecast] = [byId("radar-age"), byId("forecast-age")];
  radar.hidden = !newestTime;
  forecast.hidden = !overview;
  if (!newestTime) return;
  const { until } = session.wanted;
  const reference = until ?? session.now;
  const values = (time) => ({
    time: formatTime(time),
    age: formatDuration((reference - time) / 1000),
  });
  drawAge(radar, translate("radarAge", values(newestTime)), stale);
  if (!issue) {
    drawAge(forecast, translate("noForecast"), false);
    return;
  }
  const start = Date.parse(issue);
  const isOutdated = !until && session.now - start > overview.stale_minutes * MINUTE;
  drawAge(forecast, translate("forecastAge", values(start)), isOutdated);
}

function drawAge(host, age, isOutdated) {
  host.classList.toggle("stale", isOutdated);
  const text = isOutdated ? `${age} · ${translate("outdated")}` : age;
  if (host.textContent !== text) host.textContent = text;
}

/** Title and detail of the notice about the present problem; none if all is well. */
function problemTexts({ problem, overview, failedFrame, newestTime, wanted }) {
  if (problem?.status === 401) return [translate("keyRequired"), problem.message];
  if (problem?.status === 0) {
    if (!overview) return [translate("noAnswer"), translate("retrying")];
    const time = formatTime(Date.parse(overview.now));
    return [translate("noAnswer"), translate("noAnswerDetail", { time })];
  }
  if (problem?.step) return [translate("starting"), startingDetail(problem)];
  if (problem) {
    return [problem.title || translate("error", { status: problem.status }), problem.message];
  }
  if (!overview) return [translate("loading"), ""];
  if (!newestTime && wanted.until) {
    const time = `${formatDate(wanted.until)}, ${formatClock(wanted.until)}`;
    return [translate("noFramesUntil", { time }), ""];
  }
  if (!newestTime) return [translate("noFrames"), translate("noFramesDetail")];
  return failedFrame ? [translate("frameFailed", { time: formatTime(failedFrame) }), ""] : [];
}

/** What a service that is starting prepares; in its own words where the page has none. */
function startingDetail({ step, message }) {
  return Object.hasOwn(STEPS, step) ? translate(STEPS[step]) : message;
}

/** Show a notice, with a button back to now if `backToNow` is given; hide it without a title. */
function drawNotice(host, title = "", detail = "", backToNow = null) {
  const state = title && `${title} ${detail}`;
  if ((host.dataset.shown ?? "") === state) return;
  host.dataset.shown = state;
  host.hidden = !title;
  host.replaceChildren();
  if (!title) return;
  host.append(element("b", {}, title), element("span", {}, ` ${detail}`));
  if (backToNow) host.append(button("toNow", backToNow));
}

function askForKey(host, session) {
  if (host.querySelector("input")) return;
  const input = element("input", { type: "password", autocomplete: "off" });
  input.setAttribute("aria-label", translate("key"));
  const use = () => {
    setApiKey(input.value);
    session.refresh();
  };
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") use();
  });
  host.append(input, button("useKey", use));
}

function button(key, onClick) {
  const created = element("button", { type: "button" }, translate(key));
  created.addEventListener("click", onClick);
  return created;
}
