// Controls: model, quantity and view beside the map; language, time zone and theme in the header.

import { byId, element } from "./dom.js";
import { aboutModel, modelLabel } from "./model_names.js";
import { SHOWN_THRESHOLDS } from "./packed_fields.js";
import { formatNumber, translate } from "./texts.js";
import { formatTime, longPeriod, shortPeriod } from "./times.js";

/** Set up the controls beside the map. Returns a function that updates them. */
export function createControls(session) {
  const choose = (wanted) => {
    session.change(wanted);
    session.loadForecasts();
    session.loadSums();
  };
  const onChange = (id, name) =>
    byId(id).addEventListener("change", ({ target }) => choose({ [name]: target.value }));
  onChange("model", "model");
  onChange("compared-model", "with");
  onChange("quantity", "show");
  onChange("sums", "show");
  onChange("view", "view");

  return () => {
    if (!session.overview) return;
    drawOptions(byId("model"), session, session.model);
    drawOptions(byId("compared-model"), session, session.comparedModel);
    byId("compared-model-field").hidden = session.view === "map";
    // One group of radio buttons in two rows.
    drawRadioButtons(byId("quantity"), "quantity", quantities(session), shownQuantity(session));
    drawRadioButtons(byId("sums"), "quantity", sums(session), shownQuantity(session));
    drawRadioButtons(byId("view"), "view", views(), session.view);
    byId("model-note").textContent = modelNote(session);
    byId("model-about").textContent = aboutModel(session.model);
    byId("about").hidden = !aboutModel(session.model);
  };
}

/** Value of the radio button of what is shown. */
function shownQuantity({ sumMinutes, threshold }) {
  return sumMinutes ? `sum_${sumMinutes}` : String(threshold ?? "rain");
}

/** Choices of rain sums, by the length of their period. */
function sums({ overview }) {
  return overview.sum_minutes.map((minutes) => ({
    value: `sum_${minutes}`,
    text: shortPeriod(minutes),
    label: translate("sumLabel", { period: longPeriod(minutes) }),
  }));
}

function quantities({ view }) {
  const thresholds = SHOWN_THRESHOLDS.map((threshold) => {
    const mm = formatNumber(threshold);
    return {
      value: String(threshold),
      text: translate("threshold", { mm }),
      label: translate("thresholdLabel", { mm }),
      disabled: view === "difference",
    };
  });
  return [{ value: "rain", text: translate("rain") }, ...thresholds];
}

const views = () => [
  { value: "map", text: translate("viewMap") },
  { value: "side", text: translate("viewSide") },
  { value: "difference", text: translate("viewDifference") },
];

function drawOptions(select, session, chosen) {
  const texts = session.overview.models.map(optionText);
  const state = JSON.stringify([texts, chosen]);
  if (select.dataset.shown === state) return;
  select.dataset.shown = state;
  const options = session.overview.models.map(
    ({ name }, k) => new Option(texts[k], name, false, name === chosen),
  );
  select.replaceChildren(...options);
}

function optionText({ name, issues }) {
  if (!issues.length) return `${modelLabel(name)} · ${translate("modelWithoutForecast")}`;
  return modelLabel(name);
}

function drawRadioButtons(host, name, choices, chosen) {
  const state = JSON.stringify(choices);
  if (host.dataset.shown !== state) {
    host.dataset.shown = state;
    const buttons = choices.map((choice) => radioButton(name, choice));
    host.replaceChildren(host.querySelector("legend"), ...buttons);
  }
  for (const input of host.querySelectorAll("input")) input.checked = input.value === chosen;
}

function radioButton(name, { value, text, label, disabled = false }) {
  const input = element("input", { type: "radio", name, value, disabled });
  if (label) input.setAttribute("aria-label", label);
  return element("label", {}, input, element("span", {}, text));
}

/** What to know about the displayed forecast. */
function modelNote(session) {
  const header = session.forecast(session.model)?.header;
  const sentences = [];
  if (session.missingReason) sentences.push(session.missingReason);
  if (header?.chosen.length) {
    const models = header.chosen.map((name, k) => {
      return `${translate("leadTime", { minutes: header.lead_minutes[k] })} ${modelLabel(name)}`;
    });
    sentences.push(translate("chosenModels", { models: models.join(", ") }));
  }
  if (header?.bridged.length) {
    const times = header.bridged.map((time) => formatTime(Date.parse(time)));
    sentences.push(translate("bridgedFrames", { times: times.join(", ") }));
  }
  return sentences.join(" ");
}

/**
 * Set up the buttons in the header. Returns a function that updates them.
 *
 * @param {() => object} current - Present settings: `language`, `zone`, `theme`, and `localZone`,
 *   the name of the local time zone.
 * @param {(changed: object) => void} set - Called with a setting that is to change.
 */
export function createHeaderButtons(current, set) {
  const opposite = {
    language: { de: "en", en: "de" },
    zone: { UTC: "local", local: "UTC" },
    theme: { dark: "light", light: "dark" },
  };
  for (const name of Object.keys(opposite)) {
    byId(name).addEventListener("click", () => set({ [name]: opposite[name][current()[name]] }));
  }
  return () => {
    const { language, zone, theme, localZone } = current();
    const code = opposite.language[language].toUpperCase();
    const isUtc = zone === "UTC";
    const zones = isUtc ? ["UTC", localZone] : [localZone, "UTC"];
    const zoneLabel = translate("zoneLabel", { zone: zones[0], other: zones[1] });
    const themeLabel = translate(theme === "dark" ? "themeLight" : "themeDark");
    const languageLabel = `${code} · ${translate("languageLabel")}`;
    drawButton("language", code, translate("language"), languageLabel);
    drawButton("zone", zones[0], zoneLabel, zoneLabel);
    drawButton("theme", theme === "dark" ? "☀" : "☾", themeLabel, themeLabel);
    document.documentElement.dataset.theme = theme;
  };
}

function drawButton(id, text, title, label) {
  const button = byId(id);
  button.textContent = text;
  button.title = title;
  button.setAttribute("aria-label", label);
}
