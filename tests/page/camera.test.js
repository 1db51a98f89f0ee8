// The camera of the map, the player and the axis of the chart.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Camera } from "../../service/api/page/static/camera.js";
import { yOf } from "../../service/api/page/static/rain_chart.js";

function camera() {
  const created = new Camera(() => {});
  created.resize(800, 600);
  return created;
}

const assertClose = (found, expected) =>
  found.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < 1e-9, `${found}`));

test("points become cells and back", () => {
  const shown = camera();
  shown.moveTo(100, 50, 7);
  for (const point of [[0, 0], [400, 300], [799, 12.5]]) {
    assertClose(shown.point(...shown.cell(...point)), point);
  }
  assertClose(shown.cell(400, 300), [100, 50]);
});

test("zooming keeps the cell under the pointer", () => {
  for (const factor of [0.8, 1.1, 3]) {
    const shown = camera();
    shown.moveTo(100, 90, 10);
    const before = shown.cell(123, 456);
    shown.zoom(factor, 123, 456);
    assertClose(shown.cell(123, 456), before);
  }
});

test("the buttons zoom around the chosen place, or the middle where it is out of view", () => {
  const shown = camera();
  shown.moveTo(100, 90, 10);
  const [place, before] = [[110, 85], shown.point(110, 85)];
  shown.zoomAround(1.5, place);
  assertClose(shown.point(...place), before);
  for (const other of [null, undefined, [900, 900]]) {
    shown.moveTo(100, 90, 10);
    shown.zoomAround(1.5, other);
    assertClose(shown.cell(400, 300), [100, 90]);
  }
});

test("panning moves the map by so many pixels", () => {
  const shown = camera();
  shown.moveTo(100, 90, 10);
  const cell = shown.cell(200, 200);
  shown.pan(30, -40);
  assertClose(shown.point(...cell), [230, 160]);
});

test("the camera stays within its limits, whatever is asked of it", () => {
  const shown = camera();
  for (const [x, y, scale] of [[-1e6, 1e6, 1e6], [1e6, -1e6, 0], [0, 0, -5]]) {
    shown.moveTo(x, y, scale);
    assert.ok(shown.scale > 0 && shown.scale <= 60);
    assert.ok(shown.x >= -50 && shown.x <= 230);
    assert.ok(shown.y >= -20 && shown.y <= 200);
  }
});

test("all of Germany stays in view when the window changes, until the user moves the map", () => {
  const shown = camera();
  shown.resize(400, 900);
  assert.ok(shown.isShowingAll);
  assert.equal(shown.scale, shown.fittingScale);
  shown.pan(1, 1);
  assert.ok(!shown.isShowingAll);
  shown.showAll();
  assert.ok(shown.isShowingAll);
});

test("a place that is out of sight is brought into view, enlarged if wanted", () => {
  const shown = camera(600, 600);
  shown.showAll();
  const whole = shown.scale;
  shown.show(50, 40, 1);
  assert.deepEqual([shown.isShowingAll, shown.scale], [true, whole]); // it is in sight
  shown.show(50, 40, 2.5);
  assert.deepEqual([shown.x, shown.y, shown.scale], [50, 40, 2.5 * whole]);
  shown.show(52, 41, 2.5);
  assert.deepEqual([shown.x, shown.y], [50, 40]);
  shown.show(120, 150, 1);
  assert.deepEqual([shown.x, shown.y, shown.scale], [120, 150, 2.5 * whole]);
});

test("a higher rate is never drawn lower, and stays inside the chart", () => {
  let previous = Infinity;
  for (let mm = 0; mm <= 200; mm += 0.05) {
    const y = yOf(mm);
    assert.ok(y <= previous && y >= 16 && y <= 112);
    previous = y;
  }
});
