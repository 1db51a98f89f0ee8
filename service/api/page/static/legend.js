// What the colours mean.

import { CHANCE, DIFFERENCE, RAIN, THEMES } from "./colours.js";
import { number, say } from "./words.js";

const SIGNED = [...DIFFERENCE.map((mm) => -mm).reverse(), ...DIFFERENCE];

/** Draw the legend of a scale: rain, chance or difference. */
export function legend(host, scale, theme, values) {
  const name = [scale, theme, JSON.stringify(values), document.documentElement.lang].join();
  if (host.dataset.shown === name) return;
  host.dataset.shown = name;
  const colours = THEMES[theme][scale];
  const title = document.createElement("p");
  host.dataset.scale = scale;
  title.textContent = {
    rain: () => say("legendRain"),
    chance: () => say("legendChance", { mm: number(values.mm) }),
    difference: () => say("legendDifference", values),
  }[scale]();
  const bar = document.createElement("ol");
  const levels = { rain: RAIN, chance: CHANCE }[scale];
  if (scale === "difference") {
    const middle = colours.length / 2;
    colours.forEach((colour, k) => {
      if (k === middle) bar.append(swatch("", ""));
      bar.append(swatch(colour, sign(SIGNED[k])));
    });
  } else {
    colours.forEach((colour, k) => bar.append(swatch(colour, number(levels[k]))));
  }
  const none = document.createElement("p");
  none.className = "none";
  none.title = say("notDry");
  none.append(document.createElement("i"), say("noData"));
  host.replaceChildren(title, bar, none);
}

const sign = (mm) => (mm > 0 ? `+${number(mm)}` : `−${number(-mm)}`);

function swatch(colour, text) {
  const made = document.createElement("li");
  const patch = document.createElement("i");
  if (colour) patch.style.background = colour;
  made.append(patch, text);
  return made;
}
