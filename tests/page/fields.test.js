// Colour scales and the values of fields.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  DIFFERENCE_LEVELS,
  effectiveTheme,
  PROBABILITY_LEVELS,
  RAIN_LEVELS,
  SIGNED_DIFFERENCE_LEVELS,
  SUM_LEVELS,
  THEMES,
} from "../../service/api/page/static/colours.js";
import { pixelValue } from "../../service/api/page/static/field_image.js";
import {
  BELOW_SCALE,
  classify,
  colourScale,
  differenceField,
  exceedanceField,
  formatValue,
  hasData,
  NO_DATA,
  probabilityField,
  rainField,
  SUM_UNIT,
  sumField,
  valueAt,
} from "../../service/api/page/static/fields.js";
import { NO_PROBABILITY, NO_RATE } from "../../service/api/page/static/packed_fields.js";
import { setLanguage } from "../../service/api/page/static/texts.js";

const allRates = Uint16Array.from({ length: 0x10000 }, (_, code) => code);
const allProbabilities = Uint8Array.from({ length: 0x100 }, (_, code) => code);

/** Index of the highest level that a value reaches; BELOW_SCALE for none. */
function expectedClass(levels, value) {
  const reached = levels.filter((level) => value >= level).length;
  return reached ? reached - 1 : BELOW_SCALE;
}

test("each scale has a colour for each of its levels, in both themes", () => {
  for (const theme of Object.values(THEMES)) {
    assert.equal(theme.rain.length, RAIN_LEVELS.length);
    assert.equal(theme.sum.length, SUM_LEVELS.length);
    assert.equal(theme.probability.length, PROBABILITY_LEVELS.length);
    assert.equal(theme.difference.length, SIGNED_DIFFERENCE_LEVELS.length);
    for (const colour of [theme.rain, theme.probability, theme.difference].flat()) {
      assert.match(colour, /^#[0-9a-f]{6}$/);
    }
  }
  assert.deepEqual(Object.keys(THEMES.light), Object.keys(THEMES.dark));
});

test("levels rise, and difference levels are symmetric", () => {
  for (const levels of [RAIN_LEVELS, SUM_LEVELS, PROBABILITY_LEVELS, SIGNED_DIFFERENCE_LEVELS]) {
    assert.deepEqual(levels, [...levels].sort((a, b) => a - b));
  }
  assert.deepEqual(
    SIGNED_DIFFERENCE_LEVELS.map((mm) => -mm),
    [...SIGNED_DIFFERENCE_LEVELS].reverse(),
  );
});

for (const [quantity, levels, fieldOf] of [
  ["rain", RAIN_LEVELS, rainField],
  ["sum", SUM_LEVELS, sumField],
]) {
  test(`every ${quantity} code has the class of its value, and no data is never dry`, () => {
    const field = fieldOf(allRates);
    classify(field).forEach((found, code) => {
      const expected = code === NO_RATE ? NO_DATA : expectedClass(levels, code / 100);
      assert.equal(found, expected, `code ${code}`);
      assert.equal(valueAt(field, code), code === NO_RATE ? null : code / 100);
    });
  });
}

test("a field has data if any of its cells has", () => {
  assert.equal(hasData(sumField(Uint16Array.of(NO_RATE, NO_RATE))), false);
  assert.equal(hasData(sumField(Uint16Array.of(NO_RATE, 0))), true);
});

test("every probability code has the class of its per cent", () => {
  const field = probabilityField(allProbabilities);
  classify(field).forEach((found, code) => {
    const none = code === NO_PROBABILITY;
    assert.equal(found, none ? NO_DATA : expectedClass(PROBABILITY_LEVELS, code), `code ${code}`);
    assert.equal(valueAt(field, code), none ? null : code);
  });
});

test("an observed exceedance is certain or impossible, or unknown without data", () => {
  for (const mm of [0.5, 2, 5]) {
    const field = exceedanceField(Uint16Array.of(0, 100 * mm - 1, 100 * mm, 9999, NO_RATE), mm);
    const certain = PROBABILITY_LEVELS.length - 1;
    const expected = [BELOW_SCALE, BELOW_SCALE, certain, certain, NO_DATA];
    assert.deepEqual([...classify(field)], expected);
    assert.equal(colourScale(field), "probability");
  }
});

test("a difference has the colour whose level it reaches, on its own side of zero", () => {
  for (let code = 0; code <= 1200; code++) {
    const field = differenceField(Uint16Array.of(code), Uint16Array.of(600));
    const difference = (code - 600) / 100;
    const [found] = classify(field);
    assert.equal(valueAt(field, 0), difference);
    if (Math.abs(difference) < DIFFERENCE_LEVELS[0]) {
      assert.equal(found, BELOW_SCALE, `${difference}`);
      continue;
    }
    const level = SIGNED_DIFFERENCE_LEVELS[found];
    assert.equal(Math.sign(level), Math.sign(difference));
    assert.ok(Math.abs(level) <= Math.abs(difference), `${difference} has level ${level}`);
    const higher = DIFFERENCE_LEVELS.find((mm) => mm > Math.abs(level)) ?? Infinity;
    assert.ok(Math.abs(difference) < higher, `${difference} has level ${level}`);
  }
});

test("a difference is unknown where either side has no data", () => {
  const field = differenceField(
    Uint16Array.of(NO_RATE, 5, NO_RATE, 5),
    Uint16Array.of(5, NO_RATE, NO_RATE, 5),
  );
  assert.deepEqual([...classify(field)], [NO_DATA, NO_DATA, NO_DATA, BELOW_SCALE]);
  assert.deepEqual([0, 1, 2, 3].map((k) => valueAt(field, k)), [null, null, null, 0]);
});

test("values are shown with their unit, and no data is not shown as dry", () => {
  const rain = rainField(Uint16Array.of());
  setLanguage("en");
  assert.equal(formatValue(rain, 1.25), "1.25 mm/h");
  assert.equal(formatValue(rain, 0), "dry");
  assert.equal(formatValue(rain, null), "no data");
  assert.equal(formatValue(probabilityField(Uint8Array.of()), 0), "0 %");
  assert.equal(formatValue(differenceField(), 0), "0 mm/h");
  assert.equal(formatValue(sumField(), 3.46), "3.5 mm");
  assert.equal(formatValue(sumField(), 0), "0 mm");
  assert.equal(formatValue(sumField(), null), "no data");
  assert.equal(formatValue(differenceField([], [], SUM_UNIT), -1), "-1 mm");
  setLanguage("de");
  assert.equal(formatValue(rain, 1.25), "1,25 mm/h");
  assert.equal(formatValue(rain, null), "keine Daten");
});

test("a colour becomes an opaque little-endian pixel", () => {
  const bytes = new Uint8Array(Uint32Array.of(pixelValue("#12ab9f")).buffer);
  assert.deepEqual([...bytes], [0x12, 0xab, 0x9f, 0xff]);
});

test("the theme is the chosen one, or else that of the system", () => {
  globalThis.matchMedia = () => ({ matches: true });
  assert.equal(effectiveTheme("light"), "light");
  assert.equal(effectiveTheme(undefined), "dark");
  assert.equal(effectiveTheme("nonsense"), "dark");
  delete globalThis.matchMedia;
});
