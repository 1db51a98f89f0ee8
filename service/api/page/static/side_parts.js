// Parts beside the map that are loaded after its first picture: search, favourites, alerts and
// skill.

import { createAlertControls } from "./alert_controls.js";
import { createFavourites } from "./favourite_controls.js";
import { PlaceSearch } from "./place_search.js";
import { SkillPanel } from "./skill_panel.js";

/**
 * Set up the parts.
 *
 * @param {import("./session.js").Session} session
 * @param {import("./place_panel.js").PlacePanel} placePanel
 * @param {(place: object) => void} onChoose - Called with a place that was chosen.
 * @returns {{update: () => Promise<void>, draw: () => void}}
 */
export function createSideParts(session, placePanel, onChoose) {
  const skillPanel = new SkillPanel(session);
  const drawFavourites = createFavourites(placePanel, onChoose);
  const drawAlerts = createAlertControls(session, placePanel);
  new PlaceSearch(onChoose);
  return {
    update: () => skillPanel.update(),
    draw() {
      skillPanel.draw();
      drawFavourites();
      drawAlerts();
    },
  };
}
