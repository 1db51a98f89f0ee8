// What the page says, in English; in German in german.js. Both have the same keys.

import { german } from "./german.js";

const english = {
  title: "Nowcast · rain radar and forecast for Germany",
  map: "Map of rain",
  mapKeys: "Map of rain, {what}. Arrow keys move, plus and minus zoom, 0 shows all, Enter reads the place in the middle.",
  time: "Time",
  slider: "Time shown",
  play: "Play",
  pause: "Pause",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  zoomAll: "Show all of Germany",
  share: "Copy link",
  copied: "Copied",
  language: "Deutsch",
  languageLabel: "Auf Deutsch zeigen",
  zoneLabel: "Times in {zone}; change to {other}",
  themeDark: "Dark",
  themeLight: "Light",
  radar: "Radar",
  forecast: "Forecast",
  measured: "Measured",
  lead: "+{minutes} min",
  before: "−{minutes} min",
  newest: "newest",
  radarAge: "Radar {time}, {age} old",
  forecastAge: "Forecast from {time}, {age} old",
  noForecastAge: "No forecast",
  loading: "Loading …",
  stale: "stale",
  staleTitle: "The radar is stale.",
  staleDetail: "The newest frame is {age} old, of {time}; there should be one every 5 minutes. What is shown as forecast may be over by now.",
  archiveTitle: "Archive: {day}, {time}.",
  archiveDetail: "This is how it looked then.",
  toNow: "Back to now",
  silent: "The service does not answer.",
  silentDetail: "What is shown is what it said at {time}. Trying again.",
  silentFirst: "Trying again.",
  wantsKey: "The service takes an API key.",
  useKey: "Use",
  key: "API key",
  noFrames: "There is no radar frame yet.",
  noFramesDetail: "The service has not taken in any radar. The map comes as soon as it has.",
  noFramesThen: "There is no radar in the two hours until {time}.",
  error: "Error {status}",
  noForecast: "No forecast by {model} starts from these frames.",
  noneCommon: "{model} and {other} have no forecast from the same frame.",
  noChance: "{model} tells no probabilities. Take another model, or rain.",
  noLead: "{model} has no forecast for this time.",
  frameGone: "The radar frame of {time} could not be loaded.",
  shown: "What is shown",
  model: "Model",
  other: "Compared with",
  quantity: "Show",
  rain: "Rain",
  chanceOf: "≥ {mm} mm/h",
  chanceLabel: "Chance of {mm} mm/h or more",
  view: "View",
  viewMap: "One map",
  viewSide: "Side by side",
  viewDifference: "Difference",
  modelAuto: "the best lately, lead by lead",
  modelPersistence: "as if nothing changed",
  modelAdvection: "rain moved on as it moves",
  "modelDwd-rv": "DWD’s own forecast",
  noIssue: "no forecast",
  chosen: "Chosen by lead: {models}.",
  bridged: "Made with a missing radar frame bridged: {times}.",
  nothingBetween: "Between its times a forecast is not interpolated: each field stands until the next.",
  legendRain: "Rain, mm/h",
  legendChance: "Chance of {mm} mm/h or more, %",
  legendDifference: "{model} minus {other}, mm/h",
  noData: "no data",
  notDry: "No data is not dry",
  readout: "{value} · {lat}° N {lon}° E",
  unknown: "no data",
  dry: "dry",
  placeTitle: "Rain at a place",
  placeHint: "Click on the map, or choose a town: when rain starts there, and when it ends.",
  choosePlace: "Choose a place",
  here: "My position",
  leave: "Close",
  noPosition: "The browser does not tell the position.",
  near: "{km} km {direction} of {town}",
  at: "{town}",
  saidUnknown: "Unknown: there is no radar data here. That does not mean dry.",
  saidPartly: "Not known: data are missing for part of the time. Where there are data, it stays dry.",
  saidDry: "Stays dry until {end} at least.",
  saidDryNow: "It rains now; dry from {first} on, until {end} at least.",
  saidRains: "It rains.",
  saidStartsBy: "Rain starts by {to}.",
  saidStarts: "Rain starts between {from} and {to}.",
  saidEnds: "It ends between {from} and {to}.",
  saidPauses: "With pauses.",
  saidOn: "It lasts beyond {end}.",
  saidEndUnknown: "When it ends is unknown: data are missing.",
  saidPeak: "Up to {rate} mm/h.",
  saidStale: "This is a forecast from {time}, of stale radar.",
  curve: "Rain at this place: measured for two hours, then forecast",
  tableCaption: "Forecast: rain, and the chance of at least so many mm/h",
  tableRainOnly: "Forecast",
  tableTime: "Time",
  tableRain: "mm/h",
  now: "now",
  skill: "How good lately",
  skillNote: "CSI at 0.5 mm/h: of all cells with rain, forecast or seen, the share that was both; 1 is perfect. Last 7 days, forecasts compared: {n}.",
  skillNone: "No forecast of {model} has been verified in the last 7 days.",
  skillLabel: "Skill by lead, {model} and persistence",
  skillFailed: "The skill could not be loaded.",
  keys: "Space plays, ← → step, Home and End jump. On the map: arrows move, + − zoom, Enter reads the middle.",
  docs: "API",
  outlines: "Outlines: GSHHG and WDBII (Wessel and Smith 1996)",
  minutes: "{n} min",
  hours: "{h} h {n} min",
  days: "{n} d",
  N: "N", NE: "NE", E: "E", SE: "SE", S: "S", SW: "SW", W: "W", NW: "NW",
};

const languages = { en: english, de: german };
let language = "en";

/** "de" or "en", by what was wanted or what the browser speaks. */
export function speak(wanted) {
  const asked = wanted ?? navigator.language.slice(0, 2);
  language = languages[asked] ? asked : "en";
  document.documentElement.lang = language;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
  return language;
}

/** The words of a key, with values put in. */
export function say(key, values = {}) {
  return languages[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether there are words of a key. */
export const knows = (key) => key in english;

/** A number as the language writes it. */
export function number(value, most = 2, least = 0) {
  const digits = { maximumFractionDigits: most, minimumFractionDigits: least };
  return new Intl.NumberFormat(language, digits).format(value);
}
