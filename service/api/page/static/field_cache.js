// Loads radar frames, forecasts and outlines. Unpacked fields are cached.

import { request } from "./api.js";
import { unpack } from "./packed_fields.js";

const MAX_ENTRIES = 160;
const cache = new Map();

/** Load a radar frame by its time as the service writes it. */
export const loadFrame = (time) => loadFields(`grids/radar/${time}`);

/**
 * Load a forecast at all its lead times.
 *
 * @param {{name: string, version: string}} model
 * @param {string} issue - Start time as the service writes it.
 * @param {boolean} withProbabilities - Whether to load exceedance probabilities, too.
 * @param {number | null} minutes - Period whose rain sums to load, too; null for none.
 */
export async function loadForecast({ name, version }, issue, withProbabilities, minutes) {
  const load = (parameter) => {
    const query = new URLSearchParams({ model: name, version, leads: "all", parameter });
    return loadFields(`grids/forecasts/${issue}?${query}`);
  };
  const model = new URLSearchParams({ model: name, version });
  const [rain, probability, sums] = await Promise.all([
    load("rainfall_rate"),
    withProbabilities ? load("exceedance_probability") : null,
    // A forecast of half hours has no sums.
    minutes && loadSums(`grids/forecasts/${issue}/sum/${minutes}?${model}`).catch(() => null),
  ]);
  return { ...rain, planes: { ...rain.planes, ...probability?.planes, ...sums?.planes } };
}

/** Load the measured rain of some minutes up to a time as the service writes it. */
export const loadMeasuredSum = (time, minutes) => loadSums(`grids/radar/${time}/sum/${minutes}`);

/** Load rain sums; those that lack radar frames are not kept, since the frames may still come. */
async function loadSums(path) {
  const sums = await loadFields(path);
  if (sums.header.frames_missing) cache.delete(path);
  return sums;
}

/** Load parts of the outlines in cells of a grid: land, borders, rivers, states, districts. */
export const loadOutlines = (grid, ...parts) => request(`grids/outlines/${grid}?parts=${parts}`);

function loadFields(path) {
  if (!cache.has(path)) {
    const fields = request(path, "arrayBuffer").then(unpack);
    fields.catch(() => cache.delete(path));
    cache.set(path, fields);
    if (cache.size > MAX_ENTRIES) cache.delete(cache.keys().next().value);
  }
  return cache.get(path);
}
