// Arrows of the motion of rain.

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrowsOf } from "../../service/api/page/static/motion.js";

const answer = (right, down) => ({ columns: [10.5], rows: [20.5], right: [right], down: [down] });

test("an arrow points where the rain goes, and is longer for faster rain", () => {
  const [slow] = arrowsOf(answer(20, 0));
  const [fast] = arrowsOf(answer(40, 0));
  assert.deepEqual([slow.column, slow.row, slow.down], [10.5, 20.5, 0]);
  assert.equal(slow.right, (20 * 0.75) / 5);
  assert.equal(fast.right, 2 * slow.right);
});

test("rain that hardly moves has no arrow, and no arrow is endless", () => {
  assert.deepEqual(arrowsOf(answer(2, 2)), []);
  const [arrow] = arrowsOf(answer(300, 400));
  assert.ok(Math.abs(Math.hypot(arrow.right, arrow.down) - (90 * 0.75) / 5) < 1e-9);
  assert.ok(Math.abs(arrow.down / arrow.right - 4 / 3) < 1e-9);
});
