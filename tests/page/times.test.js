// Times, durations and the names of time zones, in both languages.

import assert from "node:assert/strict";
import { test } from "node:test";

import { setLanguage } from "../../service/api/page/static/texts.js";
import {
  formatClock,
  formatDate,
  formatDay,
  formatDuration,
  formatPeriod,
  formatTime,
  longPeriod,
  MINUTE,
  minuteOfDay,
  setLocalZone,
  setPresent,
  setTimeFormat,
  shortPeriod,
  toIso,
  zoneName,
} from "../../service/api/page/static/times.js";

const SUMMER = Date.parse("2020-09-07T22:05:00Z");
const WINTER = Date.parse("2020-12-07T22:05:00Z");

function use(zone, language) {
  setLanguage(language);
  setTimeFormat(zone, language);
}

test("times are those of Germany, or UTC if wanted", () => {
  use("local", "en");
  assert.equal(formatTime(SUMMER), "00:05");
  assert.equal(formatTime(WINTER), "23:05");
  assert.equal(formatDate(SUMMER), "8 September 2020");
  use("UTC", "en");
  assert.equal(formatTime(SUMMER), "22:05");
  assert.equal(formatDate(SUMMER), "7 September 2020");
  use("local", "de");
  assert.equal(formatTime(SUMMER), "00:05");
  assert.equal(formatDate(SUMMER), "8. September 2020");
});

test("local time is that of the served country", () => {
  setLocalZone("Europe/Lisbon");
  use("local", "en");
  assert.equal(formatTime(SUMMER), "23:05");
  use("UTC", "en");
  assert.equal(formatTime(SUMMER), "22:05");
  setLocalZone("Europe/Berlin");
});

test("a time of another day has its date, and its year if that is another", () => {
  const noon = Date.parse("2020-09-08T10:00:00Z");
  use("local", "en");
  setPresent(noon);
  assert.equal(formatTime(SUMMER), "00:05"); // in Germany it is the same day
  assert.equal(formatTime(SUMMER - 10 * MINUTE), "7 Sept, 23:55");
  assert.equal(formatClock(SUMMER - 10 * MINUTE), "23:55");
  use("UTC", "en");
  assert.equal(formatTime(SUMMER), "7 Sept, 22:05");
  setPresent(Date.parse("2026-06-21T10:00:00Z"));
  assert.equal(formatTime(SUMMER), "7 Sept 2020, 22:05");
  use("UTC", "de");
  assert.equal(formatTime(SUMMER), "7. September 2020, 22:05");
  setPresent(SUMMER);
  assert.equal(formatDay(SUMMER), "");
  assert.equal(formatDay(SUMMER + 2 * 60 * MINUTE), "8. September");
  setPresent(null);
});

test("the time zone has the name of the season and the language", () => {
  const names = (zone, language) => {
    use(zone, language);
    return [zoneName(SUMMER), zoneName(WINTER)];
  };
  assert.deepEqual(names("local", "de"), ["MESZ", "MEZ"]);
  assert.deepEqual(names("local", "en"), ["CEST", "CET"]);
  assert.deepEqual(names("UTC", "de"), ["UTC", "UTC"]);
});

test("the minute of the day agrees with the formatted time, also when clocks change", () => {
  use("local", "de");
  const change = Date.parse("2026-03-29T01:00:00Z");
  for (let k = -30; k <= 30; k++) {
    const time = change + k * 5 * MINUTE;
    const [hour, minute] = formatTime(time).split(":").map(Number);
    assert.equal(minuteOfDay(time), 60 * hour + minute);
  }
  assert.equal(minuteOfDay(change) - minuteOfDay(change - 5 * MINUTE), 65);
});

test("ISO times have no fraction of a second and are read back", () => {
  assert.equal(toIso(SUMMER), "2020-09-07T22:05:00Z");
  assert.equal(Date.parse(toIso(WINTER)), WINTER);
});

test("durations are in minutes, hours and days", () => {
  use("local", "en");
  const cases = [
    [-5, "0 min"],
    [0, "0 min"],
    [89, "1 min"],
    [59 * 60, "59 min"],
    [60 * 60, "1 h 0 min"],
    [47.99 * 3600, "47 h 59 min"],
    [48 * 3600, "2 days"],
    [7.4 * 86400, "7 days"],
  ];
  for (const [seconds, expected] of cases) assert.equal(formatDuration(seconds), expected);
  use("local", "de");
  assert.equal(formatDuration(3 * 86400), "3 Tagen"); // after "vor"
});

test("a period has its day where it is not of today, and both where it passes midnight", () => {
  use("local", "en");
  setPresent(SUMMER);
  const hour = 60 * MINUTE;
  assert.equal(formatPeriod(SUMMER, SUMMER + hour), "00:05–01:05");
  const day = formatDay(SUMMER - hour);
  assert.match(day, /^7 Sept?$/);
  assert.equal(formatPeriod(SUMMER - 3 * hour, SUMMER - 2 * hour), `${day}, 21:05–22:05`);
  assert.equal(formatPeriod(SUMMER - hour, SUMMER), `${day}, 23:05 – 00:05`);
  setPresent(null);
});

test("a length is in minutes or hours", () => {
  const long = { en: ["15 minutes", "1 hour", "6 hours"], de: ["15 Minuten", "1 Stunde", "6 Stunden"] };
  for (const [language, expected] of Object.entries(long)) {
    setLanguage(language);
    assert.deepEqual([15, 60, 360].map(longPeriod), expected);
  }
  assert.deepEqual([15, 60, 90, 360].map(shortPeriod), ["15 min", "1 h", "90 min", "6 h"]);
});
