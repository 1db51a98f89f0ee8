// What stands over the map in words: stale radar, trouble, the archive; and the ages in the head.

import { useKey } from "./api.js";
import { clock, day, span } from "./times.js";
import { say } from "./words.js";

/** Keeps the notices as the session is. */
export function notices(session) {
  const at = (id) => document.getElementById(id);
  return () => {
    ages(session, at("radar-age"), at("forecast-age"));
    const { stale, newest, overview } = session;
    tell(
      at("stale"),
      stale && say("staleTitle"),
      stale && say("staleDetail", { age: span((session.now - newest) / 1000), time: clock(newest) }),
    );
    tell(at("trouble"), ...trouble(session));
    if (session.problem?.status === 401) askKey(at("trouble"), session);
    const { until } = session.wanted;
    tell(
      at("archive"),
      until && say("archiveTitle", { day: day(until), time: clock(until) }),
      until && say("archiveDetail"),
      until && (() => {
        session.change({ until: null, time: null });
        session.refresh();
      }),
    );
    at("credit").textContent = overview?.radar.attribution ?? "";
  };
}

function ages(session, radar, forecast) {
  const { overview, newest, stale, issue } = session;
  radar.hidden = !newest;
  forecast.hidden = !overview;
  if (!newest) return;
  const { until } = session.wanted;
  const old = (time) => span(((until ?? session.now) - time) / 1000);
  put(radar, stale, say("radarAge", { time: clock(newest), age: old(newest) }));
  const start = issue && Date.parse(issue);
  const late = start && !until && session.now - start > overview.stale_minutes * 60_000;
  const words = start && say("forecastAge", { time: clock(start), age: old(start) });
  put(forecast, late, words || say("noForecastAge"));
}

function put(host, stale, words) {
  host.classList.toggle("stale", Boolean(stale));
  const text = stale ? `${words} · ${say("stale")}` : words;
  if (host.textContent !== text) host.textContent = text;
}

function trouble(session) {
  const { problem, overview, lost } = session;
  if (problem?.status === 401) return [say("wantsKey"), problem.message];
  if (problem?.status === 0 && overview) {
    return [say("silent"), say("silentDetail", { time: clock(Date.parse(overview.now)) })];
  }
  if (problem?.status === 0) return [say("silent"), say("silentFirst")];
  if (problem) return [problem.title || say("error", { status: problem.status }), problem.message];
  if (!overview) return [say("loading"), ""];
  const { until } = session.wanted;
  if (!session.newest && until) {
    return [say("noFramesThen", { time: `${day(until)}, ${clock(until)}` }), ""];
  }
  if (!session.newest) return [say("noFrames"), say("noFramesDetail")];
  return lost ? [say("frameGone", { time: clock(lost) }), ""] : [];
}

/** Show a notice, or hide it where there are no words; `back` for a button back to now. */
function tell(host, title, detail, back) {
  const name = title ? `${title} ${detail}` : "";
  if ((host.dataset.shown ?? "") === name) return;
  host.dataset.shown = name;
  host.hidden = !title;
  if (!title) return host.replaceChildren();
  const head = document.createElement("b");
  head.textContent = title;
  const body = document.createElement("span");
  body.textContent = ` ${detail}`;
  host.replaceChildren(head, body);
  if (!back) return;
  host.append(button("toNow", back));
}

function askKey(host, session) {
  if (host.querySelector("input")) return;
  const input = document.createElement("input");
  Object.assign(input, { type: "password", autocomplete: "off" });
  input.setAttribute("aria-label", say("key"));
  const use = () => {
    useKey(input.value);
    session.refresh();
  };
  input.addEventListener("keydown", ({ key }) => key === "Enter" && use());
  host.append(input, button("useKey", use));
}

function button(words, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: say(words) });
  made.addEventListener("click", act);
  return made;
}
