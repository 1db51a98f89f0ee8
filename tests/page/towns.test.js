// The gazetteer, and the names of places.

import assert from "node:assert/strict";
import { test } from "node:test";

import { setLanguage } from "../../service/api/page/static/texts.js";
import {
  labelledTowns,
  NEIGHBOURS,
  nearName,
  nearestTown,
  setTowns,
  TOWNS,
} from "../../service/api/page/static/towns.js";

test("towns have names in both languages and lie in or around Germany", () => {
  for (const { names, lon, lat, minimumScale } of [...TOWNS, ...NEIGHBOURS]) {
    assert.ok(names.en && names.de);
    assert.ok(lon > 2 && lon < 17.5 && lat > 45 && lat < 56, names.en);
    assert.ok(minimumScale >= 0);
  }
  const all = [...TOWNS, ...NEIGHBOURS].map(({ names }) => names.en);
  assert.equal(new Set(all).size, all.length);
});

test("each town is nearest to itself and gives its name to the place", () => {
  for (const town of TOWNS) {
    const { town: nearest, km } = nearestTown(town.lon, town.lat);
    assert.equal(nearest, town);
    assert.equal(km, 0);
    for (const language of ["en", "de"]) {
      setLanguage(language);
      assert.equal(nearName(town.lon, town.lat), town.names[language]);
    }
  }
});

test("a place beside a town is named by distance and direction", () => {
  setLanguage("en");
  assert.equal(nearName(13.41, 52.52 + 20 / 111.2), "20 km N of Berlin");
  setLanguage("de");
  assert.equal(nearName(11.58, 48.14 - 30 / 111.2), "30 km südlich von München");
});

test("directions around a town are those of the compass", () => {
  const { lon, lat } = TOWNS.find(({ names }) => names.en === "Berlin");
  const narrowing = Math.cos((lat * Math.PI) / 180);
  const expected = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
  expected.forEach((direction, k) => {
    const angle = (k * Math.PI) / 4;
    const found = nearestTown(
      lon + (0.1 * Math.sin(angle)) / narrowing,
      lat + 0.1 * Math.cos(angle),
    );
    assert.equal(found.direction, direction);
    assert.ok(Math.abs(found.km - 11.12) < 0.1, `${found.km}`);
  });
});

test("a place is named after the place beside it that the service has found", () => {
  const near = { name: "Nürnberg", nameEn: "Nuremberg", lon: 11.08, lat: 49.45 };
  setLanguage("en");
  assert.equal(nearName(11.1, 49.46, near), "Nuremberg");
  assert.equal(nearName(11.08, 49.45 + 10 / 111.2, near), "10 km N of Nuremberg");
  setLanguage("de");
  assert.equal(nearName(11.08, 49.45 + 10 / 111.2, near), "10 km nördlich von Nürnberg");
});

test("another country has its own towns, and those around it are abroad", () => {
  setTowns([
    { name: "Amsterdam", lon: 4.9, lat: 52.37 },
    { name: "Rotterdam", lon: 4.48, lat: 51.92 },
  ]);
  const [own, abroad] = labelledTowns();
  assert.deepEqual(own.map(({ names }) => names.en), ["Amsterdam", "Rotterdam"]);
  assert.ok(abroad.some(({ names }) => names.en === "Berlin"));
  assert.ok(!abroad.some(({ names }) => names.en === "Amsterdam"));
  assert.equal(nearestTown(4.5, 51.9).town.names.en, "Rotterdam");
  setTowns([]);
  assert.deepEqual(labelledTowns()[0], []);
  assert.equal(nearestTown(13.41, 52.52).town.names.en, "Berlin");
});
