// Times as people read them, and as the service writes them.

import { say } from "./words.js";

export const MINUTE = 60_000;
export const STEP = 5 * MINUTE;
const BERLIN = "Europe/Berlin";

let zone = BERLIN;
let locale = "en-GB";
const writers = new Map();

export function useClock(wanted, language) {
  zone = wanted === "UTC" ? "UTC" : BERLIN;
  locale = language === "de" ? "de-DE" : "en-GB";
}

/** 14:55 */
export const clock = (time) => write(time, { hour: "2-digit", minute: "2-digit" });

/** 7 September 2020 */
export const day = (time) => write(time, { day: "numeric", month: "long", year: "numeric" });

/** Minute of the day, to find whole hours by. */
export const minuteOfDay = (time) => {
  const [hour, minute] = write(time, { hour: "2-digit", minute: "2-digit" }, "en-GB").split(":");
  return Number(hour) * 60 + Number(minute);
};

/** CEST, MESZ or UTC. */
export function zoneName(time) {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" });
  return parts.formatToParts(time).find(({ type }) => type === "timeZoneName").value;
}

/** As the service writes it. */
export const iso = (time) => new Date(time).toISOString().replace(".000Z", "Z");

/** How long, in words. */
export function span(seconds) {
  const minutes = Math.max(0, Math.round(seconds / 60));
  if (minutes < 60) return say("minutes", { n: minutes });
  if (minutes >= 48 * 60) return say("days", { n: Math.round(minutes / 1440) });
  return say("hours", { h: Math.floor(minutes / 60), n: minutes % 60 });
}

function write(time, style, tongue = locale) {
  const name = JSON.stringify([tongue, zone, style]);
  if (!writers.has(name)) {
    const how = { timeZone: zone, hourCycle: "h23", ...style };
    writers.set(name, new Intl.DateTimeFormat(tongue, how)); // which is dear to make
  }
  return writers.get(name).format(time);
}
