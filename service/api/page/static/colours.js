// Colours of rain, of chances and of differences, on light ground and on dark.
//
// Rain: lighter to darker blue for weak, yellow to purple for heavy, as in the pictures of the
// service. Steps of brightness within each half, and blue against yellow between them, tell them
// apart for eyes blind to red and green. On dark ground weak rain is dark, so that heavy rain shines.

/** mm/h at which one colour ends and the next begins. */
export const RAIN = [0.1, 0.5, 1, 2, 5, 10, 20, 50];
/** Per cent. */
export const CHANCE = [10, 30, 50, 70, 90];
/** mm/h by which one forecast is above another; below it the same with the other sign. */
export const DIFFERENCE = [0.5, 2, 5];

export const THEMES = {
  light: {
    rain: ["#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652"],
    chance: ["#e3d5f2", "#c3a5e2", "#9d70cf", "#7440b0", "#451782"],
    difference: ["#8a4f0b", "#c08a3c", "#e6cd98", "#9fd8ce", "#3c9c91", "#085a52"],
    land: "#faf9f6",
    sea: "#e3e9ed",
    river: "#d3dee5",
    coast: "#a9b2b8",
    border: "#7d7a75",
    label: "#2b3440",
    halo: "#faf9f6",
    veil: "#d9d7d2b0",
    hatch: "#a8a39a",
    marker: "#c2185b",
  },
  dark: {
    rain: ["#26476a", "#2f6ea6", "#4a9be0", "#a4d3fb", "#fbe26b", "#f7a440", "#ee5f4b", "#e0469b"],
    chance: ["#3a2a58", "#5b3e92", "#8460c6", "#ae8deb", "#dccbff"],
    difference: ["#f0b35b", "#b67f2c", "#6b4c1c", "#1f6058", "#36a396", "#84e6d8"],
    land: "#1c232c",
    sea: "#131920",
    river: "#273440",
    coast: "#45525f",
    border: "#75828f",
    label: "#dfe6ee",
    halo: "#161c23",
    veil: "#0b0f13b8",
    hatch: "#4c5660",
    marker: "#ff6fa8",
  },
};

/** "light" or "dark": what was chosen, else what the system has. */
export function ground(chosen) {
  if (chosen) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
