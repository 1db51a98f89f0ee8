// Gazetteer: towns that the map labels, and that places are named after.

import { currentLanguage, translate } from "./texts.js";

/** Closer than this, a place has the name of the town. */
const TOWN_RADIUS_KM = 6;
const KM_PER_DEGREE = 111.2;
const RADIANS = Math.PI / 180;

/** A town; the map labels it from `minimumScale` pixels per cell. */
const town = ([english, german, lon, lat, minimumScale]) => ({
  names: { en: english, de: german || english },
  lon,
  lat,
  minimumScale,
});

/** Towns in Germany: English name, German name if it differs, degrees east and north, scale. */
export const TOWNS = [
  ["Berlin", "", 13.41, 52.52, 0],
  ["Hamburg", "", 9.99, 53.55, 0],
  ["Munich", "München", 11.58, 48.14, 0],
  ["Cologne", "Köln", 6.96, 50.94, 0],
  ["Frankfurt", "", 8.68, 50.11, 0],
  ["Stuttgart", "", 9.18, 48.78, 0],
  ["Leipzig", "", 12.37, 51.34, 3],
  ["Bremen", "", 8.81, 53.08, 3],
  ["Hanover", "Hannover", 9.73, 52.37, 3],
  ["Dresden", "", 13.74, 51.05, 3],
  ["Nuremberg", "Nürnberg", 11.08, 49.45, 3],
  ["Rostock", "", 12.13, 54.09, 3],
  ["Kiel", "", 10.13, 54.32, 4],
  ["Dortmund", "", 7.47, 51.51, 4],
  ["Kassel", "", 9.5, 51.31, 4],
  ["Erfurt", "", 11.03, 50.98, 4],
  ["Freiburg", "", 7.85, 48.0, 4],
  ["Saarbrücken", "", 7.0, 49.23, 4],
  ["Magdeburg", "", 11.63, 52.13, 5],
  ["Düsseldorf", "", 6.78, 51.23, 6],
  ["Münster", "", 7.63, 51.96, 5],
  ["Würzburg", "", 9.93, 49.79, 5],
  ["Regensburg", "", 12.1, 49.02, 5],
  ["Schwerin", "", 11.41, 53.63, 5],
  ["Mannheim", "", 8.47, 49.49, 6],
  ["Ulm", "", 9.99, 48.4, 6],
  ["Passau", "", 13.46, 48.57, 6],
  ["Trier", "", 6.64, 49.76, 6],
  ["Flensburg", "", 9.44, 54.78, 6],
  ["Cottbus", "", 14.33, 51.76, 6],
  ["Greifswald", "", 13.38, 54.1, 6],
  ["Aachen", "", 6.08, 50.78, 8],
  ["Göttingen", "", 9.93, 51.54, 8],
  ["Chemnitz", "", 12.92, 50.83, 8],
].map(town);

/** Towns abroad, for the map only. */
export const NEIGHBOURS = [
  ["Amsterdam", "", 4.9, 52.37, 0],
  ["Prague", "Prag", 14.42, 50.09, 0],
  ["Zurich", "Zürich", 8.54, 47.38, 0],
  ["Copenhagen", "Kopenhagen", 12.57, 55.68, 3],
  ["Brussels", "Brüssel", 4.35, 50.85, 3],
  ["Vienna", "Wien", 16.37, 48.21, 3],
  ["Paris", "", 2.35, 48.86, 3],
  ["Milan", "Mailand", 9.19, 45.46, 3],
  ["Poznań", "Posen", 16.92, 52.41, 4],
  ["Wrocław", "Breslau", 17.03, 51.11, 4],
  ["Szczecin", "Stettin", 14.55, 53.43, 4],
  ["Salzburg", "", 13.04, 47.8, 4],
  ["Strasbourg", "Straßburg", 7.75, 48.58, 5],
  ["Luxembourg", "Luxemburg", 6.13, 49.61, 5],
  ["Innsbruck", "", 11.39, 47.27, 5],
].map(town);

/** The first towns are labelled at any scale, some more when the map is enlarged, then the rest. */
const SCALES = [0, 0, 0, 3, 3, 3, 3];
const LAST_SCALE = 4;
let shown = { towns: TOWNS, neighbours: NEIGHBOURS };

/** Label the towns of another country instead, the largest first; without any, those known here. */
export function setTowns(towns) {
  if (!towns.length) {
    shown = { towns: [], neighbours: [...TOWNS, ...NEIGHBOURS] };
    return;
  }
  const own = towns.map(({ name, lon, lat }, k) => {
    return town([name, "", lon, lat, SCALES[k] ?? LAST_SCALE]);
  });
  const isOther = ({ names }) => !towns.some(({ name }) => Object.values(names).includes(name));
  shown = { towns: own, neighbours: [...TOWNS, ...NEIGHBOURS].filter(isOther) };
}

/** Towns that the map labels: [those of the country, those around it]. */
export const labelledTowns = () => [shown.towns, shown.neighbours];

const DIRECTIONS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

/** The name of a town in the language of the page. */
export const townName = ({ names }) => names[currentLanguage()];

/** A place of the service as the page has it. */
export function placeOf({ name, name_en: nameEn, state, postcode, lat, lon }) {
  return { name, nameEn, state, postcode, lat, lon };
}

/** Name of a place in the language of the page. */
export const nameOf = ({ name, nameEn }) => (currentLanguage() === "de" ? name : nameEn);

/** The town nearest to a place: {town, km, direction}, the direction as seen from the town. */
export function nearestTown(lon, lat) {
  const near = shown.towns.length ? shown.towns : shown.neighbours;
  const candidates = near.map((candidate) => ({
    town: candidate,
    ...bearing(candidate.lon, candidate.lat, lon, lat),
  }));
  return candidates.reduce((best, candidate) => (candidate.km < best.km ? candidate : best));
}

/**
 * Name of a place: Berlin, or 24 km NE of Leipzig.
 *
 * @param {number} lon
 * @param {number} lat
 * @param {object} [near] - The place {name, nameEn, lon, lat} beside it; by default a town.
 */
export function nearName(lon, lat, near) {
  const names = near && { de: near.name, en: near.nameEn };
  const { km, direction, town: nearest } = near
    ? { town: { names }, ...bearing(near.lon, near.lat, lon, lat) }
    : nearestTown(lon, lat);
  if (km < TOWN_RADIUS_KM) return townName(nearest);
  return translate("placeNear", {
    km: Math.round(km),
    direction: translate(direction),
    town: townName(nearest),
  });
}

/** Distance and compass direction, on a plane, which is exact enough over a few hundred km. */
function bearing(fromLon, fromLat, toLon, toLat) {
  const north = (toLat - fromLat) * KM_PER_DEGREE;
  const east =
    (toLon - fromLon) * KM_PER_DEGREE * Math.cos(((fromLat + toLat) / 2) * RADIANS);
  const eighth = Math.round((Math.atan2(east, north) * 4) / Math.PI);
  return { km: Math.hypot(north, east), direction: DIRECTIONS[(eighth + 8) % 8] };
}

/** Pixels between a dot and its label. */
const GAP = 6;

/**
 * Where a label begins, in pixels from the left: right of its dot, or left of it where the map
 * ends. Null where neither side has room, or the dot is not on the map.
 *
 * @param {number} left - The dot, in pixels from the left.
 * @param {number} width - Of the label.
 * @param {number} mapWidth
 * @param {number} [gap] - Pixels between the dot and the label.
 */
export function labelStart(left, width, mapWidth, gap = GAP) {
  if (left < 0 || left > mapWidth) return null;
  if (left + gap + width <= mapWidth) return left + gap;
  return left - gap - width >= 0 ? left - gap - width : null;
}

/**
 * Pixels between the dot of a town and its label: more where the mark of a place is around the dot.
 *
 * @param {number[]} dot - Left and top.
 * @param {number[] | null} mark - Left and top of the middle of the mark.
 * @param {number} radius - Of the mark.
 */
export function labelGap([left, top], mark, radius) {
  if (!mark) return GAP;
  const [across, down] = [mark[0] - left, mark[1] - top];
  const reach = across + radius + GAP / 2;
  return Math.abs(down) < radius && Math.abs(across) < radius + GAP ? Math.max(GAP, reach) : GAP;
}
