// The page put together: a session, the parts that show it, and what wakes them.

import { Camera } from "./camera.js";
import { ground } from "./colours.js";
import { controls, tools } from "./controls.js";
import { useGrid } from "./map.js";
import { notices } from "./notices.js";
import { Panes } from "./panes.js";
import * as permalink from "./permalink.js";
import { Place } from "./place.js";
import { TOWNS } from "./places.js";
import { Player } from "./player.js";
import { projection } from "./projection.js";
import { Session } from "./session.js";
import { Skill } from "./skill.js";
import { Timeline } from "./timeline.js";
import { useClock, zoneName } from "./times.js";
import { say, speak } from "./words.js";

const at = (id) => document.getElementById(id);
const asked = permalink.read();
const kept = localStorage;
const look = {
  language: speak(asked.lang ?? kept.language),
  zone: kept.zone ?? "local",
  theme: kept.theme,
};
useClock(look.zone, look.language);

const { model, with: other, view, show, time, until } = asked;
const session = new Session({ model, with: other, view, show, time, until });
const player = new Player(session, () => timeline.mark());
const timeline = new Timeline(session, player);
const place = new Place(session);
const skill = new Skill(session);
const camera = new Camera(() => {
  wake();
  keep();
});
const panes = new Panes(session, timeline, camera, picked);

const drawNotices = notices(session);
const drawControls = controls(session);
const drawTools = tools(
  () => ({ ...look, theme: theme(), local: zoneName(session.newest ?? Date.now()) }),
  (changed) => {
    Object.assign(look, changed);
    for (const [name, value] of Object.entries(changed)) kept[name] = value;
    if (changed.language) speak(changed.language);
    useClock(look.zone, look.language);
    drawTowns();
    session.change();
  },
);

function theme() {
  return ground(look.theme);
}

/** How maps are drawn now. */
function brush() {
  const mark = place.at && panes.project ? place.cell(panes.project) : null;
  return { theme: theme(), language: look.language, mark };
}

function wake() {
  panes.wake(brush());
}

function picked(column, row) {
  const { project } = panes;
  if (project) take(...project.toDegrees(Math.floor(column) + 0.5, Math.floor(row) + 0.5));
}

/** Show the rain at a place in degrees. */
function take(lon, lat) {
  at("town").value = String(TOWNS.findIndex((town) => town[2] === lon && town[3] === lat));
  place.choose(lon, lat);
}

function drawTowns() {
  const chosen = at("town").value || "-1";
  const german = look.language === "de";
  const named = TOWNS.map(([english, other], k) => new Option((german && other) || english, k));
  named.sort((a, b) => a.text.localeCompare(b.text, look.language));
  at("town").replaceChildren(new Option(`${say("choosePlace")} …`, "-1"), ...named);
  at("town").value = chosen;
}

/** What is shown, for links to it. */
function shownNow() {
  const { model, with: other, view, show, time, until } = session.wanted;
  return {
    model,
    with: other,
    view: view === "map" ? null : view,
    show: show === "rain" ? null : show,
    time,
    until,
    place: place.at && [place.at.lon, place.at.lat],
    map: camera.whole ? null : [camera.x, camera.y, camera.scale],
    lang: asked.lang || kept.language ? look.language : null,
  };
}

function keep() {
  if (!player.playing && session.overview) permalink.write(shownNow());
}

/** A link to what is shown, with the frame it starts from, so that it shows the same tomorrow. */
async function share() {
  const { newest, wanted, model } = session;
  const time = wanted.time ?? newest;
  const words = permalink.link({ ...shownNow(), model, time, until: wanted.until ?? newest });
  await navigator.clipboard?.writeText(`${location.href.split("#")[0]}#${words}`).catch(() => {});
  at("share").classList.add("done");
  at("share-words").textContent = say("copied");
  setTimeout(() => {
    at("share").classList.remove("done");
    at("share-words").textContent = say("share");
  }, 2000);
}

function drawAll() {
  drawTools();
  drawNotices();
  drawControls();
  timeline.draw();
  place.draw(panes.project, theme());
  skill.draw();
  wake();
  keep();
}

/** All parts are drawn at most once for a frame of the screen. */
let drawing = false;
session.addEventListener("change", () => {
  place.follow();
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawAll();
  });
});
session.addEventListener("move", () => {
  timeline.mark();
  wake();
  keep();
});
session.addEventListener("ready", () => {
  const { grid } = session.overview.radar;
  if (grid) {
    panes.project = projection(grid);
    useGrid(session.outlines, panes.project, grid.shape);
  }
  if (asked.place) take(...asked.place);
  panes.arrange(session.models.length);
  if (asked.map) camera.to(...asked.map);
  drawAll();
  panes.draw(brush());
  performance.mark("first-picture");
});

at("zoom-in").addEventListener("click", () => camera.zoom(1.5));
at("zoom-out").addEventListener("click", () => camera.zoom(1 / 1.5));
at("zoom-all").addEventListener("click", () => camera.all());
at("share").addEventListener("click", share);
at("town").addEventListener("change", ({ target }) => {
  const town = TOWNS[Number(target.value)];
  if (town) take(town[2], town[3]);
  else place.choose();
});
at("leave").addEventListener("click", () => {
  at("town").value = "-1";
  place.choose();
});
at("here").addEventListener("click", () => {
  const found = ({ coords }) => take(coords.longitude, coords.latitude);
  const none = () => (at("place-words").textContent = say("noPosition"));
  if (navigator.geolocation) navigator.geolocation.getCurrentPosition(found, none);
  else none();
});
addEventListener("hashchange", () => location.reload());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => session.change());

async function poll() {
  await session.refresh();
  await Promise.all([place.follow(), skill.follow()]);
  setTimeout(poll, 1000 * Math.max(session.overview?.poll_seconds ?? 5, 1));
}

drawTowns();
drawTools();
drawNotices();
place.draw(null, theme());
poll();
