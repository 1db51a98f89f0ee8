// The texts of the page in both languages.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { english } from "../../service/api/page/static/english.js";
import { german } from "../../service/api/page/static/german.js";
import {
  currentLanguage,
  formatNumber,
  hasText,
  setArea,
  setLanguage,
  translate,
} from "../../service/api/page/static/texts.js";

const STATIC = new URL("../../service/api/page/static/", import.meta.url);
const SOURCE = readdirSync(STATIC)
  .filter((name) => /\.(js|html)$/.test(name) && !["english.js", "german.js"].includes(name))
  .map((name) => readFileSync(new URL(name, STATIC), "utf8"))
  .join("\n");
/** Keys that are put together: of models (modelAuto, aboutAuto) and of directions (NE). */
const COMPOSED = /^((model|about)[A-Z].*|[NESW]{1,2})$/;

const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();

test("both languages have the same texts with the same placeholders", () => {
  assert.deepEqual(Object.keys(german), Object.keys(english));
  for (const key of Object.keys(english)) {
    assert.deepEqual(placeholders(german[key]), placeholders(english[key]), key);
    assert.ok(german[key].trim() && english[key].trim(), key);
  }
});

test("the served area has its name in both languages", () => {
  setArea({ en: "the Netherlands", de: "die Niederlande" });
  setLanguage("de");
  assert.match(translate("title"), /für die Niederlande$/);
  setLanguage("en");
  assert.match(translate("title"), /for the Netherlands$/);
  setArea(null);
  assert.match(translate("title"), /for Germany$/);
});

test("every text is used", () => {
  const unused = Object.keys(english).filter(
    (key) => !COMPOSED.test(key) && !SOURCE.includes(`"${key}"`),
  );
  assert.deepEqual(unused, []);
});

test("every text that is used is there", () => {
  const used = [
    ...SOURCE.matchAll(/translate\(\s*"(\w+)"/g),
    ...SOURCE.matchAll(/data-(?:text|label)="(\w+)"/g),
    ...SOURCE.matchAll(/translate\([^()]*\? "(\w+)" : "(\w+)"/g),
  ].flatMap(([, ...keys]) => keys);
  assert.ok(used.length > 60);
  assert.deepEqual(used.filter((key) => !hasText(key)), []);
});

test("placeholders are replaced by values, also by zero", () => {
  setLanguage("en");
  assert.equal(translate("hours", { h: 2, n: 0 }), "2 h 0 min");
  setLanguage("de");
  const readout = translate("readout", { value: "$& {lat}", lat: "48", lon: "11" });
  assert.equal(readout, "$& {lat} · 48° N 11° O");
});

test("the language is the wanted one, or that of the browser, or English", () => {
  const speak = (language) =>
    Object.defineProperty(globalThis, "navigator", { value: { language }, configurable: true });
  speak("de-AT");
  assert.equal(setLanguage(undefined), "de");
  assert.equal(setLanguage("en"), "en");
  assert.equal(setLanguage("constructor"), "en");
  speak("fr-FR");
  assert.equal(setLanguage(undefined), "en");
  assert.equal(currentLanguage(), "en");
});

test("numbers are written as the language does, with the wanted decimals", () => {
  setLanguage("de");
  assert.equal(formatNumber(1234.567), "1.234,57");
  assert.equal(formatNumber(0.6, 2, 2), "0,60");
  setLanguage("en");
  assert.equal(formatNumber(1234.567), "1,234.57");
  assert.equal(formatNumber(40.4, 0), "40");
});
