// Entry point: creates the session and the parts of the page, and connects them.

import { Camera } from "./camera.js";
import { effectiveTheme } from "./colours.js";
import { createControls, createHeaderButtons } from "./controls.js";
import { byId } from "./dom.js";
import { createLoopControls } from "./loop_controls.js";
import { setMapData } from "./map.js";
import { createNotices } from "./notices.js";
import { Panes } from "./panes.js";
import { formatFragment, readPermalink, writePermalink } from "./permalink.js";
import { PlacePanel } from "./place_panel.js";
import { Player } from "./player.js";
import { gridProjection } from "./projection.js";
import { Session } from "./session.js";
import { SkillPanel } from "./skill_panel.js";
import { setLanguage, translate, translateDocument } from "./texts.js";
import { Timeline } from "./timeline.js";
import { setTimeFormat, zoneName } from "./times.js";
import { TOWNS, townName } from "./towns.js";

const DEFAULT_POLL_SECONDS = 5;
const ZOOM_STEP = 1.5;
const CONFIRMATION_MS = 2000;

const linked = readPermalink();
const settings = {
  language: setLanguage(linked.lang ?? localStorage.language),
  zone: localStorage.zone === "UTC" ? "UTC" : "local",
  theme: localStorage.theme,
};

const session = new Session({
  model: linked.model,
  with: linked.with,
  view: linked.view,
  show: linked.show,
  time: linked.time,
  until: linked.until,
});
const player = new Player(session, localStorage, {
  onChange: () => timeline.update(),
  onNext: (step) => panes.prepare(step),
});
const timeline = new Timeline(session, player);
const placePanel = new PlacePanel(session);
const skillPanel = new SkillPanel(session);
const camera = new Camera(() => {
  drawMaps();
  updateAddress();
});
const panes = new Panes(session, timeline, camera, chooseCell);

const drawNotices = createNotices(session);
const drawControls = createControls(session);
const drawLoopControls = createLoopControls(player, (changed) =>
  Object.assign(localStorage, changed),
);
const drawHeaderButtons = createHeaderButtons(
  () => ({ ...settings, theme: theme(), localZone: zoneName(session.newestTime ?? Date.now()) }),
  (changed) => {
    Object.assign(settings, changed);
    Object.assign(localStorage, changed);
    applySettings();
    session.change();
  },
);

function applySettings() {
  setLanguage(settings.language);
  setTimeFormat(settings.zone, settings.language);
  translateDocument();
  drawTowns();
}

function theme() {
  return effectiveTheme(settings.theme);
}

function mapStyle() {
  const mark = panes.projection && placePanel.cell(panes.projection);
  return { theme: theme(), language: settings.language, mark };
}

function drawMaps() {
  panes.scheduleDraw(mapStyle());
}

function chooseCell(column, row) {
  if (!panes.projection) return;
  choosePlace(...panes.projection.toDegrees(Math.floor(column) + 0.5, Math.floor(row) + 0.5));
}

/** Show the rain at a place in degrees. */
function choosePlace(lon, lat) {
  byId("town").value = String(TOWNS.findIndex((town) => town.lon === lon && town.lat === lat));
  placePanel.choose(lon, lat);
}

function drawTowns() {
  const select = byId("town");
  const chosen = select.value || "-1";
  const options = TOWNS.map((town, k) => new Option(townName(town), k));
  options.sort((a, b) => a.text.localeCompare(b.text, settings.language));
  select.replaceChildren(new Option(`${translate("chooseTown")} …`, "-1"), ...options);
  select.value = chosen;
}

/** State of the page, for links to it. */
function pageState() {
  const { model, with: comparedModel, view, show, time, until } = session.wanted;
  const { place } = placePanel;
  return {
    model,
    with: comparedModel,
    view: view === "map" ? null : view,
    show: show === "rain" ? null : show,
    time,
    until,
    place: place && [place.lon, place.lat],
    map: camera.isShowingAll ? null : [camera.x, camera.y, camera.scale],
    lang: linked.lang || localStorage.language ? settings.language : null,
  };
}

function updateAddress() {
  if (!player.playing && session.overview) writePermalink(pageState());
}

/** Copy a link that names the newest frame, so that it shows the same tomorrow. */
async function share() {
  const { newestTime, wanted, model } = session;
  const state = {
    ...pageState(),
    model,
    time: wanted.time ?? newestTime,
    until: wanted.until ?? newestTime,
  };
  const [page] = location.href.split("#");
  const isCopied = await copy(`${page}#${formatFragment(state)}`);
  if (!isCopied) writePermalink(state);
  byId("share").classList.add("done");
  byId("share-label").textContent = translate(isCopied ? "copied" : "copyFailed");
  setTimeout(() => {
    byId("share").classList.remove("done");
    byId("share-label").textContent = translate("share");
  }, CONFIRMATION_MS);
}

/** Copy a text; false where the browser forbids it or is not connected securely. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function drawAll() {
  drawHeaderButtons();
  drawNotices();
  drawControls();
  drawLoopControls();
  timeline.draw();
  placePanel.draw(panes.projection, theme());
  skillPanel.draw();
  drawMaps();
  updateAddress();
}

let isDrawScheduled = false;
session.addEventListener("change", () => {
  placePanel.update();
  if (isDrawScheduled) return;
  isDrawScheduled = true;
  requestAnimationFrame(() => {
    isDrawScheduled = false;
    drawAll();
  });
});
session.addEventListener("time", () => {
  timeline.update();
  drawMaps();
  updateAddress();
});
session.addEventListener("ready", () => {
  const { grid } = session.overview.radar;
  if (grid) {
    panes.projection = gridProjection(grid);
    setMapData(session.outlines, panes.projection, grid.shape);
  }
  if (linked.place) choosePlace(...linked.place);
  panes.arrange(session.models.length);
  if (linked.map) camera.moveTo(...linked.map);
  drawAll();
  panes.draw(mapStyle());
  performance.mark("first-picture");
});

byId("zoom-in").addEventListener("click", () => camera.zoom(ZOOM_STEP));
byId("zoom-out").addEventListener("click", () => camera.zoom(1 / ZOOM_STEP));
byId("zoom-all").addEventListener("click", () => camera.showAll());
byId("share").addEventListener("click", share);
byId("town").addEventListener("change", ({ target }) => {
  const town = TOWNS[Number(target.value)];
  if (town) placePanel.choose(town.lon, town.lat);
  else placePanel.choose();
});
byId("close-place").addEventListener("click", () => {
  byId("town").value = "-1";
  placePanel.choose();
});
byId("locate").addEventListener("click", () => {
  const onPosition = ({ coords }) => choosePlace(coords.longitude, coords.latitude);
  const onFailure = () => {
    byId("place-summary").textContent = translate("noLocation");
  };
  if (navigator.geolocation) navigator.geolocation.getCurrentPosition(onPosition, onFailure);
  else onFailure();
});
addEventListener("hashchange", () => location.reload());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => session.change());

async function poll() {
  await session.refresh();
  await Promise.all([placePanel.update(), skillPanel.update()]);
  const seconds = session.overview?.poll_seconds ?? DEFAULT_POLL_SECONDS;
  setTimeout(poll, 1000 * Math.max(seconds, 1));
}

applySettings();
drawHeaderButtons();
drawNotices();
placePanel.draw(null, theme());
poll();
