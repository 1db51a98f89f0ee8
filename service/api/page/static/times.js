// Formats times and durations, in the time zone and language of the user.

import { currentLanguage, translate } from "./texts.js";

export const MINUTE = 60_000;
/** Interval between radar frames in ms. */
export const FRAME_INTERVAL = 5 * MINUTE;
/** Time zone of the served area. */
let localZone = "Europe/Berlin";
let isUtc = false;
let locale = "en-GB";
/** Present time in ms; null while it is unknown. */
let present = null;
const formats = new Map();

/** Set the time zone of the served area, by its IANA name. */
export function setLocalZone(name) {
  localZone = name;
}

const zoneInUse = () => (isUtc ? "UTC" : localZone);

/** Set the time zone ("UTC", or else that of the area) and the language ("de" or "en"). */
export function setTimeFormat(wantedZone, language) {
  isUtc = wantedZone === "UTC";
  locale = language === "de" ? "de-DE" : "en-GB";
}

/** Set the present time in ms, by which it is known which times are of today. */
export function setPresent(time) {
  present = time;
}

/** 14:55, also on another day. */
export const formatClock = (time) => format(time, { hour: "2-digit", minute: "2-digit" });

/** 14:55, or 21 Jun, 14:55 if that is not today. */
export const formatTime = (time) => [formatDay(time), formatClock(time)].filter(Boolean).join(", ");

/** 13:55–14:55, with the day before it, or with both days, where they are not today. */
export function formatPeriod(from, to) {
  const [day, dayOfEnd] = [from, to].map(formatDay);
  if (day !== dayOfEnd) return `${formatTime(from)} – ${formatTime(to)}`;
  return [day, `${formatClock(from)}–${formatClock(to)}`].filter(Boolean).join(", ");
}

/** 21 Jun, or 7 Sep 2020 in another year; empty for today. */
export function formatDay(time) {
  const day = { day: "numeric", month: "numeric", year: "numeric" };
  if (present === null || format(time, day) === format(present, day)) return "";
  const isThisYear = format(time, { year: "numeric" }) === format(present, { year: "numeric" });
  return format(time, {
    day: "numeric",
    month: locale === "de-DE" ? "long" : "short",
    ...(isThisYear ? {} : { year: "numeric" }),
  });
}

/** Label of an axis: the time, and the day where it is not that of the label before, or today. */
export function axisLabel(time, before) {
  const isNewDay = before === null || formatDay(before) !== formatDay(time);
  return isNewDay ? formatTime(time) : formatClock(time);
}

/** 7 September 2020 */
export const formatDate = (time) =>
  format(time, { day: "numeric", month: "long", year: "numeric" });

/** Minutes since midnight. */
export function minuteOfDay(time) {
  const [hour, minute] = format(time, { hour: "2-digit", minute: "2-digit" }, "en-GB").split(":");
  return Number(hour) * 60 + Number(minute);
}

/** CEST, MESZ or UTC. */
export function zoneName(time) {
  const parts = new Intl.DateTimeFormat(locale, {
    timeZone: zoneInUse(),
    timeZoneName: "short",
  });
  return parts.formatToParts(time).find(({ type }) => type === "timeZoneName").value;
}

/** 2020-09-07T12:55:00Z, as the service writes times. */
export const toIso = (time) => new Date(time).toISOString().replace(".000Z", "Z");

/** 6 min, 1 h 5 min, 3 days; follows "vor" in German. */
export function formatDuration(seconds) {
  const minutes = Math.max(0, Math.round(seconds / 60));
  if (minutes < 60) return translate("minutes", { n: minutes });
  if (minutes >= 48 * 60) return translate("days", { n: Math.round(minutes / 1440) });
  return translate("hours", { h: Math.floor(minutes / 60), n: minutes % 60 });
}

/** 15 min or 1 h. */
export const shortPeriod = (minutes) => formatLength(minutes, "short");

/** 15 minutes, 1 hour, 6 Stunden. */
export const longPeriod = (minutes) => formatLength(minutes, "long");

function formatLength(minutes, style) {
  const [value, unit, symbol] =
    minutes % 60 ? [minutes, "minute", "min"] : [minutes / 60, "hour", "h"];
  if (style === "short") return `${value} ${symbol}`;
  const names = { style: "unit", unit, unitDisplay: style };
  return new Intl.NumberFormat(currentLanguage(), names).format(value);
}

/** Formats are cached because creating one is slow. */
function format(time, style, language = locale) {
  const zone = zoneInUse();
  const name = JSON.stringify([language, zone, style]);
  if (!formats.has(name)) {
    const options = { timeZone: zone, hourCycle: "h23", ...style };
    formats.set(name, new Intl.DateTimeFormat(language, options));
  }
  return formats.get(name).format(time);
}
