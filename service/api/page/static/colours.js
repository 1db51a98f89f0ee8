// Colour scales of rain, probability and difference, for the light and the dark theme.
//
// Rain: blue from light to dark for weak rain, yellow to purple for heavy rain, as in the plots of
// the service. Brightness changes step by step within each half, and blue against yellow separates
// the halves, so that the scale is readable with red-green colour blindness. In the dark theme weak
// rain is dark, so that heavy rain stands out.

/** Lower bounds of the rain classes in mm/h. */
export const RAIN_LEVELS = [0.1, 0.5, 1, 2, 5, 10, 20, 50];
/** Lower bounds of the classes of rain sums in mm; the highest three are warning levels. */
export const SUM_LEVELS = [0.1, 1, 2, 5, 10, 15, 25, 40];
/** Lower bounds of the probability classes in per cent. */
export const PROBABILITY_LEVELS = [10, 30, 50, 70, 90];
/** Lower bounds of the classes of an absolute difference in mm/h. */
export const DIFFERENCE_LEVELS = [0.5, 2, 5];
/** Levels of the difference classes from the most negative to the most positive, in mm/h. */
export const SIGNED_DIFFERENCE_LEVELS = [
  ...DIFFERENCE_LEVELS.map((mm) => -mm).reverse(),
  ...DIFFERENCE_LEVELS,
];

export const THEMES = {
  light: {
    rain: ["#b9d7ea", "#7fb5da", "#3d86c0", "#0b4a91", "#f9dc5c", "#f29e38", "#dd513a", "#8e1652"],
    probability: ["#e3d5f2", "#c3a5e2", "#9d70cf", "#7440b0", "#451782"],
    difference: ["#8a4f0b", "#c08a3c", "#e6cd98", "#9fd8ce", "#3c9c91", "#085a52"],
    land: "#faf9f6",
    sea: "#e3e9ed",
    river: "#d3dee5",
    coast: "#a9b2b8",
    border: "#7d7a75",
    state: "#8f8b84",
    label: "#2b3440",
    halo: "#faf9f6",
    veil: "#d9d7d2b0",
    hatch: "#a8a39a",
    marker: "#c2185b",
  },
  dark: {
    rain: ["#26476a", "#2f6ea6", "#4a9be0", "#a4d3fb", "#fbe26b", "#f7a440", "#ee5f4b", "#e0469b"],
    probability: ["#3a2a58", "#5b3e92", "#8460c6", "#ae8deb", "#dccbff"],
    difference: ["#f0b35b", "#b67f2c", "#6b4c1c", "#1f6058", "#36a396", "#84e6d8"],
    land: "#1c232c",
    sea: "#131920",
    river: "#273440",
    coast: "#45525f",
    border: "#75828f",
    state: "#65727f",
    label: "#dfe6ee",
    halo: "#161c23",
    veil: "#0b0f13b8",
    hatch: "#4c5660",
    marker: "#ff6fa8",
  },
};

/** Rain sums have the colours of rain. */
for (const theme of Object.values(THEMES)) theme.sum = theme.rain;

/** The chosen theme, or else that of the system: "light" or "dark". */
export function effectiveTheme(chosen) {
  if (chosen in THEMES) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
