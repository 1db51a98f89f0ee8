// State of the page in the fragment of its address: a link shows another reader the same.

import { toIso } from "./times.js";

const NAMES = ["model", "with", "view", "show", "time", "until", "place", "map", "lang"];

/** The state in the address. */
export const readPermalink = () => parseFragment(location.hash.slice(1));

/** Write the state into the address, without a new entry in the history. */
export function writePermalink(state) {
  const fragment = formatFragment(state);
  if (location.hash.slice(1) !== fragment) history.replaceState(null, "", `#${fragment}`);
}

/** Parse a fragment; what is missing is undefined, a malformed time, place or map is null. */
export function parseFragment(fragment) {
  const parameters = new URLSearchParams(fragment);
  const state = Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? undefined]));
  return {
    ...state,
    time: parseTime(state.time),
    until: parseTime(state.until),
    place: parseNumbers(2, state.place),
    map: parseNumbers(3, state.map),
  };
}

/** Format a state as a fragment; empty parts are left out. */
export function formatFragment({ time, until, place, map, ...texts }) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(texts)) if (value) parameters.set(name, value);
  if (time) parameters.set("time", toIso(time));
  if (until) parameters.set("until", toIso(until));
  if (place) parameters.set("place", place.map((degrees) => degrees.toFixed(3)).join());
  if (map) parameters.set("map", map.map((part) => part.toFixed(1)).join());
  return parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

function parseTime(text) {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

function parseNumbers(count, text = "") {
  const parts = text.split(",");
  const numbers = parts.map(Number);
  const valid = parts.every((part) => part.trim()) && numbers.every(Number.isFinite);
  return valid && numbers.length === count ? numbers : null;
}
