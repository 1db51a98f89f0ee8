// The rain at a place as bars over time, and its forecast as a table with the same numbers.

import { RAIN, THEMES } from "./colours.js";
import { svg } from "./svg.js";
import { clock, minuteOfDay, MINUTE } from "./times.js";
import { number, say } from "./words.js";

const [WIDTH, HEIGHT, TOP, BOTTOM, LEFT] = [330, 132, 16, 112, 26];
const PAST = 120;
const LEVELS = [0.1, 1, 10, 50];

/** Rain over time: measured as bars of five minutes, forecast as wider ones at their times. */
export function curve({ measured, coming, newest, now, theme }) {
  const ahead = coming.filter(({ time }) => time > newest);
  const reach = Math.max(PAST, ...ahead.map(({ time }) => (time - newest) / MINUTE)) + 8;
  const share = (time) => ((time - newest) / MINUTE + PAST + 5) / (PAST + 5 + reach);
  const x = (time) => LEFT + share(time) * (WIDTH - LEFT);
  const five = x(newest) - x(newest - 5 * MINUTE);
  const colours = THEMES[theme].rain;
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "curve",
    role: "img",
    "aria-label": say("curve"),
  });
  const dense = ahead.length > 8;
  const wide = dense ? five * 0.8 : five * 2.6;
  picture.append(
    svg("defs", {}, hatch()),
    block("coming", x(newest), WIDTH - x(newest)),
    ...LEVELS.map((mm) => svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(mm), y2: y(mm) })),
    ...LEVELS.map((mm) => axis(LEFT - 4, y(mm) + 3, number(mm), "end")),
    ...measured.map(({ time, rate }) => bar(x(time) - five, five * 0.86, rate, colours, "bar")),
    ...ahead.map(({ time, rate }) => bar(x(time) - wide / 2, wide, rate, colours, "bar ahead")),
    svg("line", { class: "base", x1: LEFT, x2: WIDTH, y1: BOTTOM, y2: BOTTOM }),
    svg("line", { class: "border", x1: x(newest), x2: x(newest), y1: TOP - 8, y2: BOTTOM + 4 }),
    axis(LEFT, 9, "mm/h", "start"),
    axis(x(newest) + 5, 9, say("forecast"), "start", "axis ahead"),
  );
  for (let minute = -PAST; minute <= reach - 8; minute += 5) {
    const time = newest + minute * MINUTE;
    if (minuteOfDay(time) % 60 === 0) {
      const place = x(time) > WIDTH - 16 ? "end" : "middle";
      picture.append(axis(Math.min(x(time), WIDTH), BOTTOM + 14, clock(time), place));
    }
  }
  if (now && now > newest && x(now) < WIDTH) {
    picture.append(svg("line", { class: "present", x1: x(now), x2: x(now), y1: TOP, y2: BOTTOM }));
  }
  return picture;
}

/** Height of a rate: logarithmic, since rain is. */
function y(mm) {
  const [low, high] = [0.05, 60].map(Math.log);
  const share = (Math.log(Math.max(mm, 0.05)) - low) / (high - low);
  return BOTTOM - Math.min(share, 1) * (BOTTOM - TOP);
}

function axis(x, y, text, anchor, kind = "axis") {
  return svg("text", { class: kind, x, y, "text-anchor": anchor }, text);
}

/** From top to bottom. */
function block(kind, x, width, more = {}) {
  return svg("rect", { class: kind, x, y: TOP, width, height: BOTTOM - TOP, ...more });
}

function bar(x, width, rate, colours, kind) {
  if (rate === null) return block("none", x, width, { fill: "url(#none)" });
  const step = RAIN.filter((mm) => rate >= mm).length;
  const top = step ? y(rate) : BOTTOM - 1.5;
  const fill = step ? { fill: colours[step - 1] } : {};
  const box = { x, y: top, width, height: BOTTOM - top, rx: 1 };
  return svg("rect", { class: step ? kind : `${kind} dry`, ...box, ...fill });
}

function hatch() {
  const line = svg("path", { d: "M-1 7 7-1M2 10 10 2", class: "hatch" });
  return svg("pattern", { id: "none", width: 6, height: 6, patternUnits: "userSpaceOnUse" }, line);
}

/** The forecast in numbers; a dash and words for no data. */
export function table(coming, issue) {
  const every = Math.ceil(coming.length / 6);
  const rows = coming.filter((_, k) => (k + 1) % every === 0);
  const thresholds = (coming[0]?.chances ?? []).map(([mm]) => mm);
  const made = document.createElement("table");
  const caption = made.createCaption();
  caption.textContent = say(thresholds.length ? "tableCaption" : "tableRainOnly");
  const head = made.createTHead().insertRow();
  const events = thresholds.map((mm) => `≥ ${number(mm)}`);
  for (const text of [say("tableTime"), say("tableRain"), ...events]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const body = made.createTBody();
  for (const { time, rate, chances } of rows) {
    const row = body.insertRow();
    row.dataset.time = new Date(time).toISOString();
    const first = document.createElement("th");
    first.scope = "row";
    first.textContent = clock(time);
    const lead = document.createElement("small");
    lead.textContent = ` +${Math.round((time - issue) / MINUTE)}`;
    first.append(lead);
    row.append(first);
    row.insertCell().textContent = rate === null ? say("unknown") : number(rate);
    for (const [, share] of chances) {
      row.insertCell().textContent = share === null ? "–" : `${number(100 * share, 0)} %`;
    }
  }
  return made;
}
