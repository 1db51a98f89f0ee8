// Loads radar frames, forecasts and outlines. Unpacked fields are cached.

import { request } from "./api.js";
import { unpack } from "./packed_fields.js";

const MAX_ENTRIES = 160;
const cache = new Map();

/** Load a radar frame by its time as the service writes it. */
export const loadFrame = (time) => loadFields(`grids/radar/${time}`);

/** Load a forecast with all its lead times. */
export function loadForecast(model, version, issue) {
  const query = `model=${encodeURIComponent(model)}&version=${version}`;
  return loadFields(`grids/forecasts/${issue}?${query}`);
}

/** Load coasts, borders and rivers in cells of a grid. */
export const loadOutlines = (grid) => request(`grids/outlines/${grid}`);

function loadFields(path) {
  if (!cache.has(path)) {
    const fields = request(path, "arrayBuffer").then(unpack);
    fields.catch(() => cache.delete(path));
    cache.set(path, fields);
    if (cache.size > MAX_ENTRIES) cache.delete(cache.keys().next().value);
  }
  return cache.get(path);
}
