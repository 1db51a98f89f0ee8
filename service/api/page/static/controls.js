// Model, quantity and view; language, clock and ground.

import { THEMES } from "./colours.js";
import { clock } from "./times.js";
import { knows, number, say } from "./words.js";

const THRESHOLDS = [0.5, 2, 5];

/** Build the choices and keep them as the session is. Returns what draws them anew. */
export function controls(session) {
  const at = (id) => document.getElementById(id);
  at("model").addEventListener("change", ({ target }) => choose({ model: target.value }));
  at("other").addEventListener("change", ({ target }) => choose({ with: target.value }));
  at("quantity").addEventListener("change", ({ target }) => choose({ show: target.value }));
  at("view").addEventListener("change", ({ target }) => choose({ view: target.value }));

  function choose(wanted) {
    session.change(wanted);
    session.loadForecasts();
  }

  return () => {
    if (!session.overview) return;
    options(at("model"), session, session.model);
    options(at("other"), session, session.other);
    at("other-field").hidden = session.view === "map";
    const signed = session.view === "difference";
    radios(
      at("quantity"),
      [
        ["rain", say("rain")],
        ...THRESHOLDS.map((one) => {
          const mm = number(one);
          return [String(one), say("chanceOf", { mm }), say("chanceLabel", { mm }), signed];
        }),
      ],
      String(session.threshold ?? "rain"),
    );
    radios(
      at("view"),
      [
        ["map", say("viewMap")],
        ["side", say("viewSide")],
        ["difference", say("viewDifference")],
      ],
      session.view,
    );
    at("model-note").textContent = note(session);
  };
}

function options(select, session, chosen) {
  const made = session.overview.models.map(({ name, issues }) => {
    const key = `model${name[0].toUpperCase()}${name.slice(1)}`;
    const more = issues.length ? (knows(key) ? say(key) : "") : say("noIssue");
    return new Option(more ? `${name} · ${more}` : name, name, false, name === chosen);
  });
  const now = made.map(({ text, selected }) => text + selected).join();
  if (select.dataset.shown === now) return;
  select.dataset.shown = now;
  select.replaceChildren(...made);
}

function radios(host, choices, chosen) {
  const name = JSON.stringify(choices);
  if (host.dataset.shown !== name) {
    host.dataset.shown = name;
    const made = choices.map(([value, text, label, disabled]) => {
      const box = document.createElement("label");
      const input = Object.assign(document.createElement("input"), {
        type: "radio", name: host.id, value, disabled: Boolean(disabled),
      });
      if (label) input.setAttribute("aria-label", label);
      const words = document.createElement("span");
      words.textContent = text;
      box.append(input, words);
      return box;
    });
    host.replaceChildren(host.querySelector("legend"), ...made);
  }
  for (const input of host.querySelectorAll("input")) input.checked = input.value === chosen;
}

/** What is to be known about the forecast shown. */
function note(session) {
  const grid = session.grid(session.model);
  const said = [session.lack ?? ""];
  if (grid?.about.chosen.length) {
    const leads = grid.about.lead_minutes;
    const chosen = grid.about.chosen.map((name, k) => {
      return `${say("lead", { minutes: leads[k] })} ${name}`;
    });
    said.push(say("chosen", { models: chosen.join(", ") }));
  }
  if (grid?.about.bridged.length) {
    const times = grid.about.bridged.map((time) => clock(Date.parse(time)));
    said.push(say("bridged", { times: times.join(", ") }));
  }
  said.push(say("nothingBetween"));
  return said.filter(Boolean).join(" ");
}

/** The buttons in the head: {language, zone, theme} as they are; `set` takes what changes. */
export function tools(now, set) {
  const at = (id) => document.getElementById(id);
  const other = {
    language: { de: "en", en: "de" },
    zone: { UTC: "local", local: "UTC" },
    theme: { dark: "light", light: "dark" },
  };
  for (const name of ["language", "zone", "theme"]) {
    at(name).addEventListener("click", () => set({ [name]: other[name][now()[name]] }));
  }
  return () => {
    const { language, zone, theme, local } = now();
    const code = language === "de" ? "EN" : "DE";
    at("language").textContent = code;
    at("language").title = say("language");
    at("language").setAttribute("aria-label", `${code} · ${say("languageLabel")}`);
    at("zone").textContent = zone === "UTC" ? "UTC" : local;
    const [here, there] = zone === "UTC" ? ["UTC", local] : [local, "UTC"];
    at("zone").setAttribute("aria-label", say("zoneLabel", { zone: here, other: there }));
    at("zone").title = at("zone").getAttribute("aria-label");
    at("theme").textContent = theme === "dark" ? "☀" : "☾";
    at("theme").title = say(theme === "dark" ? "themeLight" : "themeDark");
    at("theme").setAttribute("aria-label", at("theme").title);
    document.documentElement.dataset.theme = theme in THEMES ? theme : "light";
  };
}
