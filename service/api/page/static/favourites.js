// Places that the user has marked, kept in the browser.

const ITEM = "favourites";
/** Places of which none is farther than this from another one are the same, in degrees. */
const SAME = 0.005;
const MOST = 12;

/** Favourites in a text of the browser's storage; damaged ones are left out. */
export function parseFavourites(text) {
  let entries;
  try {
    entries = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  return Array.isArray(entries) ? entries.filter(isPlace).slice(0, MOST) : [];
}

function isPlace(entry) {
  const isText = [entry?.name, entry?.nameEn].every((name) => typeof name === "string" && name);
  return isText && Math.abs(entry.lon) <= 180 && Math.abs(entry.lat) <= 90;
}

export const isSamePlace = (first, second) =>
  Math.abs(first.lon - second.lon) <= SAME && Math.abs(first.lat - second.lat) <= SAME;

/** Favourites with a place added at the end, or removed if it is among them. */
export function toggled(favourites, place) {
  const others = favourites.filter((favourite) => !isSamePlace(favourite, place));
  if (others.length < favourites.length) return others;
  const { name, nameEn, lon, lat } = place;
  return [...others, { name, nameEn, lon, lat }].slice(-MOST);
}

export const loadFavourites = () => parseFavourites(localStorage.getItem(ITEM));

export function saveFavourites(favourites) {
  localStorage.setItem(ITEM, JSON.stringify(favourites));
}
