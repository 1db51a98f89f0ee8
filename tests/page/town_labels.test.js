// Names of towns are whole: none is cut off by the edge of the map or lies under the mark.

import assert from "node:assert/strict";
import { test } from "node:test";

import { labelGap, labelStart } from "../../service/api/page/static/towns.js";

test("a label is right of its dot, or left of it where the map ends", () => {
  assert.equal(labelStart(100, 50, 360), 106);
  assert.equal(labelStart(330, 50, 360), 274);
});

test("a label that has no room on either side is left out, as that of a dot outside", () => {
  assert.equal(labelStart(30, 50, 60), null);
  assert.equal(labelStart(-5, 50, 360), null);
  assert.equal(labelStart(365, 50, 360), null);
});

test("no label is ever cut off", () => {
  for (let left = -20; left <= 380; left += 1) {
    const start = labelStart(left, 70, 360);
    assert.ok(start === null || (start >= 0 && start + 70 <= 360));
  }
});

test("a label makes way for the mark around its dot, and for no other", () => {
  assert.equal(labelGap([100, 100], null, 8), 6);
  assert.ok(100 + labelGap([100, 100], [101, 100], 8) > 101 + 8);
  assert.equal(labelGap([100, 100], [101, 140], 8), 6);
  assert.equal(labelGap([100, 100], [140, 100], 8), 6);
});
