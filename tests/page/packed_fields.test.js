// Unpacking of fields, from bodies that are packed here after the description of the service.

import assert from "node:assert/strict";
import { test } from "node:test";

import { unpack } from "../../service/api/page/static/packed_fields.js";

/** Pack planes (by name: one array of codes per time) as packed_fields.py of the service does. */
function pack(header, planes) {
  const text = new TextEncoder().encode(JSON.stringify({ ...header, planes: Object.keys(planes) }));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  const bytes = [...length, ...text];
  for (const [name, times] of Object.entries(planes)) {
    const codes = times.flat();
    if (["rainfall_rate", "precipitation_amount"].includes(name)) bytes.push(...codes.map((code) => code >> 8));
    bytes.push(...codes.map((code) => code & 0xff));
  }
  return Uint8Array.from(bytes).buffer;
}

const TIMES = ["2026-06-21T22:50:00Z", "2026-06-21T23:20:00Z"];

test("rain codes of two bytes and probability codes of one are restored per time", () => {
  const planes = {
    rainfall_rate: [
      [0, 1, 255, 256, 65535, 4660],
      [65534, 3, 2, 1, 0, 65535],
    ],
    precipitation_amount: [
      [65535, 65534, 0, 257, 1, 2],
      [9, 8, 7, 6, 5, 4],
    ],
    "exceedance_probability_0.5": [
      [0, 50, 100, 255, 1, 99],
      [255, 0, 0, 7, 8, 9],
    ],
  };
  const { header, times, planes: found } = unpack(pack({ shape: [2, 3], times: TIMES }, planes));
  assert.deepEqual(header.shape, [2, 3]);
  assert.deepEqual(times, TIMES.map((time) => Date.parse(time)));
  for (const [name, expected] of Object.entries(planes)) {
    assert.deepEqual(found[name].map((codes) => [...codes]), expected);
  }
});

test("any codes survive, whatever the length of the header", () => {
  let seed = 1;
  const random = (limit) => {
    seed = (seed * 48271) % 2147483647; // Lehmer generator
    return seed % limit;
  };
  for (let k = 0; k < 50; k++) {
    const [rows, columns] = [1 + random(7), 1 + random(7)];
    const plane = (limit) =>
      TIMES.map(() => Array.from({ length: rows * columns }, () => random(limit)));
    const planes = { rainfall_rate: plane(0x10000), exceedance_probability_2: plane(0x100) };
    const header = { shape: [rows, columns], times: TIMES, grid: "ü".repeat(k) };
    const unpacked = unpack(pack(header, planes));
    assert.equal(unpacked.header.grid, header.grid);
    for (const [name, expected] of Object.entries(planes)) {
      assert.deepEqual(unpacked.planes[name].map((codes) => [...codes]), expected);
    }
  }
});

test("a body that ends too early is an error, not a field of zeros", () => {
  const planes = { rainfall_rate: [[1, 2, 3, 4], [5, 6, 7, 8]] };
  const body = pack({ shape: [2, 2], times: TIMES }, planes);
  assert.throws(() => unpack(body.slice(0, -1)), RangeError);
});
