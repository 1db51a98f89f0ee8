// Favourites, as they are kept in the browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isSamePlace, parseFavourites, toggled } from "../../service/api/page/static/favourites.js";

const MUNICH = { name: "München", nameEn: "Munich", lon: 11.58, lat: 48.14 };
const BERLIN = { name: "Berlin", nameEn: "Berlin", lon: 13.41, lat: 52.52 };

test("a favourite is added at the end, and removed when it is chosen again", () => {
  const both = toggled(toggled([], MUNICH), { ...BERLIN, postcode: "10178" });
  assert.deepEqual(both, [MUNICH, BERLIN]);
  assert.deepEqual(toggled(both, { ...MUNICH, lon: MUNICH.lon + 0.001 }), [BERLIN]);
});

test("favourites are read back as they were written", () => {
  assert.deepEqual(parseFavourites(JSON.stringify([MUNICH, BERLIN])), [MUNICH, BERLIN]);
  assert.deepEqual(parseFavourites(null), []);
});

test("damaged favourites are left out", () => {
  const damaged = [null, 1, "x", {}, { ...MUNICH, lat: "x" }, { ...MUNICH, name: 7 }, MUNICH];
  assert.deepEqual(parseFavourites(JSON.stringify(damaged)), [MUNICH]);
  for (const text of ["", "{", "{}", "7", "null"]) assert.deepEqual(parseFavourites(text), []);
});

test("there are at most twelve favourites, the newest are kept", () => {
  let favourites = [];
  for (let k = 0; k < 20; k++) favourites = toggled(favourites, { ...MUNICH, lat: 40 + k });
  assert.equal(favourites.length, 12);
  assert.equal(favourites.at(-1).lat, 59);
});

test("places within a few hundred metres are the same", () => {
  assert.ok(isSamePlace(MUNICH, { ...MUNICH, lat: MUNICH.lat + 0.004 }));
  assert.ok(!isSamePlace(MUNICH, { ...MUNICH, lat: MUNICH.lat + 0.006 }));
});
