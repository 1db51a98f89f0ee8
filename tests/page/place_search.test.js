// Suggestions of places.

import assert from "node:assert/strict";
import { test } from "node:test";

import { suggestionText } from "../../service/api/page/static/place_search.js";
import { setLanguage } from "../../service/api/page/static/texts.js";
import { nameOf, placeOf } from "../../service/api/page/static/towns.js";

const MUNICH = placeOf({
  name: "München",
  name_en: "Munich",
  state: "Bayern",
  postcode: "80331",
  lat: 48.1,
  lon: 11.6,
});

test("a place has the name of the language", () => {
  setLanguage("de");
  assert.equal(nameOf(MUNICH), "München");
  setLanguage("en");
  assert.equal(nameOf(MUNICH), "Munich");
});

test("a suggestion has the postcode and the state, which tell places of a name apart", () => {
  setLanguage("de");
  assert.equal(suggestionText(MUNICH), "80331 München, Bayern");
  assert.equal(suggestionText({ ...MUNICH, postcode: null }), "München, Bayern");
  const berlin = { ...MUNICH, name: "Berlin", state: "Berlin", postcode: null };
  assert.equal(suggestionText(berlin), "Berlin");
  assert.equal(suggestionText({ ...berlin, name: "Utrecht", state: "" }), "Utrecht");
});
