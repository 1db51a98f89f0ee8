// Frames and forecasts that have come, unpacked once. What is in a grid says packed_fields.py of the service.

import { ask } from "./api.js";

const MOST = 160;
const held = new Map();

/** A radar frame by its time as the service writes it. */
export const radar = (time) => grid(`grids/radar/${time}`);

/** A forecast: all its leads. */
export function forecast(model, version, issue) {
  const name = encodeURIComponent(model);
  return grid(`grids/forecasts/${issue}?model=${name}&version=${version}`);
}

/** Coasts, borders and rivers on a grid. */
export const outlines = (grid) => ask(`grids/outlines/${grid}`);

function grid(path) {
  if (!held.has(path)) {
    const coming = ask(path, "arrayBuffer").then(unpack);
    coming.catch(() => held.delete(path));
    held.set(path, coming);
    if (held.size > MOST) held.delete(held.keys().next().value);
  }
  return held.get(path);
}

/** {about, times in ms, planes: {name: [codes of each time]}} */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const cells = about.shape[0] * about.shape[1];
  const count = about.times.length;
  const planes = {};
  let at = 4 + length;
  for (const name of about.planes) {
    const wide = name === "rainfall_rate";
    const bytes = new Uint8Array(buffer, at, cells * count * (wide ? 2 : 1));
    at += bytes.length;
    const codes = wide ? joined(bytes) : bytes;
    planes[name] = about.times.map((_, k) => codes.subarray(k * cells, (k + 1) * cells));
  }
  return { about, times: about.times.map(Date.parse), planes };
}

function joined(bytes) {
  const half = bytes.length / 2;
  const codes = new Uint16Array(half);
  for (let k = 0; k < half; k++) codes[k] = (bytes[k] << 8) | bytes[half + k];
  return codes;
}
