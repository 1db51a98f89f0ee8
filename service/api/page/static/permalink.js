// What is shown, as words after the # of the address: a link to it shows the same.

import { iso } from "./times.js";

const NAMES = ["model", "with", "view", "show", "time", "until", "place", "map", "lang"];

/** What the address asks for. */
export function read() {
  const said = new URLSearchParams(location.hash.slice(1));
  const wanted = Object.fromEntries(NAMES.map((name) => [name, said.get(name) ?? undefined]));
  const numbers = (text, count) => {
    const found = (text ?? "").split(",").map(Number);
    return found.length === count && found.every(Number.isFinite) ? found : null;
  };
  const moment = (text) => (Number.isNaN(Date.parse(text)) ? null : Date.parse(text));
  return {
    ...wanted,
    time: moment(wanted.time),
    until: moment(wanted.until),
    place: numbers(wanted.place, 2),
    map: numbers(wanted.map, 3),
  };
}

/** Put what is shown into the address, without a new entry in the history. */
export function write(shown) {
  const words = link(shown);
  if (location.hash.slice(1) !== words) history.replaceState(null, "", `#${words}`);
}

/** The words for what is shown. */
export function link({ time, until, place, map, ...words }) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) if (value) said.set(name, value);
  if (time) said.set("time", iso(time));
  if (until) said.set("until", iso(until));
  if (place) said.set("place", place.map((degrees) => degrees.toFixed(3)).join());
  if (map) said.set("map", map.map((part) => part.toFixed(1)).join());
  return said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}
