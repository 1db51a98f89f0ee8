// The state of the page in the fragment of its address.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatFragment, parseFragment } from "../../service/api/page/static/permalink.js";

test("a state is read back from its fragment", () => {
  const times = [null, Date.parse("2026-06-21T23:20:00Z")];
  const places = [null, [13.41, 52.52], [-0.125, 51.5]];
  const maps = [null, [100.5, 88.2, 12]];
  const texts = [{}, { model: "ms-lstm", with: "a&b=c #é", view: "side", show: "sum_60", lang: "de" }];
  const states = times.flatMap((time) =>
    places.flatMap((place) =>
      maps.flatMap((map) => texts.map((text) => ({ ...text, time, until: time, place, map }))),
    ),
  );
  for (const state of states) {
    const found = parseFragment(formatFragment(state));
    for (const [name, value] of Object.entries(found)) assert.deepEqual(value, state[name], name);
  }
});

test("a fragment is short and readable", () => {
  const state = { model: "ms-lstm", view: null, time: Date.parse("2026-06-21T23:20:00Z") };
  const fragment = formatFragment({ ...state, place: [13.41, 52.52], map: [1, 2, 3.04] });
  assert.equal(
    fragment,
    "model=ms-lstm&time=2026-06-21T23:20:00Z&place=13.410,52.520&map=1.0,2.0,3.0",
  );
  assert.equal(formatFragment({ model: undefined, time: null }), "");
});

test("malformed parts are ignored", () => {
  for (const fragment of ["", "place=1", "place=1,", "place=,", "place=a,b", "place=1,2,3"]) {
    assert.equal(parseFragment(fragment).place, null, fragment);
  }
  assert.equal(parseFragment("map=1,2,Infinity").map, null);
  assert.equal(parseFragment("time=yesterday").time, null);
  assert.equal(parseFragment("nonsense&&=").model, undefined);
});
