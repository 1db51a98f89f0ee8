// Measured rain sums: what is loaded, and when it is loaded again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MeasuredSums } from "../../service/api/page/static/measured_sums.js";

const TIMES = ["2026-06-21T22:10:00Z", "2026-06-21T22:15:00Z", "2026-06-21T22:20:00Z"];

/** Body of a sum of one cell whose code is the minute of its time; some lack frames. */
function body(isoTime, incomplete) {
  const header = JSON.stringify({
    shape: [1, 1],
    times: [isoTime],
    planes: ["precipitation_amount"],
    frames_missing: incomplete.has(isoTime) ? 1 : 0,
  });
  const bytes = new TextEncoder().encode(header);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return Uint8Array.of(...length, ...bytes, 0, Number(isoTime.slice(14, 16))).buffer;
}

/** A service of sums: paths that were `asked`, times that are `incomplete` or `failing`. */
function service() {
  const served = { asked: [], incomplete: new Set(), failing: new Set() };
  globalThis.sessionStorage = { getItem: () => null };
  globalThis.fetch = async (path) => {
    served.asked.push(path);
    const [, , isoTime] = path.split("/");
    if (served.failing.has(isoTime)) return { ok: false, status: 404, json: async () => ({}) };
    return { ok: true, arrayBuffer: async () => body(isoTime, served.incomplete) };
  };
  return served;
}

test("sums of a period are loaded once, the newest first, and older ones are dropped", async () => {
  const served = service();
  let changes = 0;
  const sums = new MeasuredSums(() => changes++);
  await sums.load(30, TIMES.slice(0, 2));
  assert.deepEqual(served.asked, [TIMES[1], TIMES[0]].map((time) => `grids/radar/${time}/sum/30`));
  assert.equal(changes, 2);
  assert.deepEqual([...sums.codes(30, TIMES[1])], [15]);
  assert.equal(sums.codes(60, TIMES[1]), null);
  await sums.load(30, TIMES.slice(1));
  assert.equal(served.asked.length, 3);
  assert.equal(sums.codes(30, TIMES[0]), null);
});

test("another period replaces the sums, and none asks for nothing", async () => {
  const served = service();
  const sums = new MeasuredSums(() => {});
  await sums.load(120, TIMES);
  await sums.load(360, TIMES);
  assert.equal(served.asked.length, 6);
  assert.equal(sums.codes(120, TIMES[0]), null);
  await sums.load(null, TIMES);
  assert.equal(served.asked.length, 6);
});

test("a sum that lacks frames is loaded again when there are other frames, others are not", async () => {
  const served = service();
  served.incomplete.add(TIMES[1]);
  const sums = new MeasuredSums(() => {});
  await sums.load(15, [TIMES[1]]);
  await sums.load(15, [TIMES[1]]);
  assert.equal(served.asked.length, 1);
  await sums.load(15, TIMES.slice(1));
  assert.deepEqual(served.asked.slice(1).map((path) => path.split("/")[2]), [TIMES[2], TIMES[1]]);
});

test("a sum that cannot be loaded is asked for again", async () => {
  const served = service();
  served.failing.add(TIMES[2]);
  const sums = new MeasuredSums(() => {});
  await sums.load(60, [TIMES[2]]);
  assert.equal(sums.codes(60, TIMES[2]), null);
  served.failing.clear();
  await sums.load(60, [TIMES[2]]);
  assert.deepEqual([...sums.codes(60, TIMES[2])], [20]);
});
