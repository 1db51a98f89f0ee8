// The favourites: a star at the chosen place, and a button for each favourite.

import { byId, element } from "./dom.js";
import { isSamePlace, loadFavourites, saveFavourites, toggled } from "./favourites.js";
import { currentLanguage, translate } from "./texts.js";
import { nameOf } from "./towns.js";

/**
 * Set up the favourites. Returns a function that draws them.
 *
 * @param {import("./place_panel.js").PlacePanel} placePanel
 * @param {(place: object) => void} onChoose - Called with the favourite that was chosen.
 */
export function createFavourites(placePanel, onChoose) {
  const [star, host] = [byId("favourite"), byId("favourites")];
  let favourites = loadFavourites();

  star.addEventListener("click", () => {
    favourites = toggled(favourites, namedPlace(placePanel));
    saveFavourites(favourites);
    draw();
  });

  function draw() {
    const { place } = placePanel;
    const isFavourite = Boolean(place) && favourites.some((other) => isSamePlace(other, place));
    star.hidden = !place;
    star.textContent = isFavourite ? "★" : "☆";
    star.setAttribute("aria-pressed", String(isFavourite));
    star.title = translate(isFavourite ? "removeFavourite" : "addFavourite");
    star.setAttribute("aria-label", star.title);
    const state = currentLanguage() + JSON.stringify(favourites);
    if (host.dataset.shown === state) return;
    host.dataset.shown = state;
    host.hidden = !favourites.length;
    host.replaceChildren(...favourites.map((favourite) => favouriteButton(favourite, onChoose)));
  }

  return draw;
}

/** The chosen place with its names: those it has, or that of what is beside it. */
function namedPlace({ place, name }) {
  return { name, nameEn: name, ...place };
}

function favouriteButton(favourite, onChoose) {
  const button = element("button", { type: "button" }, nameOf(favourite));
  button.addEventListener("click", () => onChoose({ ...favourite }));
  return button;
}
