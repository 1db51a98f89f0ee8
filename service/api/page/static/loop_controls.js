// Controls of the loop: its range and its speed.

import { byId } from "./dom.js";
import { RANGES, SPEEDS } from "./player.js";
import { currentLanguage, translate } from "./texts.js";

/** Texts of the choices, by the name of a range or speed. */
const TEXTS = {
  whole: "loopWhole",
  hours: "loopHours",
  radar: "loopRadar",
  forecast: "loopForecast",
  slow: "speedSlow",
  normal: "speedNormal",
  fast: "speedFast",
};

/**
 * Set up the controls. Returns a function that updates them.
 *
 * @param {import("./player.js").Player} player
 * @param {(changed: object) => void} onChange - Called with the `range` or `speed` that was chosen.
 */
export function createLoopControls(player, onChange) {
  const [range, speed] = [byId("loop-range"), byId("loop-speed")];
  range.addEventListener("change", () => choose({ range: range.value }));
  speed.addEventListener("change", () => choose({ speed: speed.value }));
  const choose = (changed) => {
    Object.assign(player, changed);
    onChange(changed);
  };
  return () => {
    drawOptions(range, Object.keys(RANGES), player.range);
    drawOptions(speed, Object.keys(SPEEDS), player.speed);
  };
}

function drawOptions(select, names, chosen) {
  const state = `${currentLanguage()} ${chosen}`;
  if (select.dataset.shown === state) return;
  select.dataset.shown = state;
  const options = names.map((name) => new Option(translate(TEXTS[name]), name));
  select.replaceChildren(...options);
  select.value = chosen;
}
