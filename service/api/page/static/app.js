// Entry point: creates the session and the parts of the page, and connects them.

import { Camera } from "./camera.js";
import { effectiveTheme } from "./colours.js";
import { createControls, createHeaderButtons } from "./controls.js";
import { byId } from "./dom.js";
import { loadOutlines } from "./field_cache.js";
import { createLoopControls } from "./loop_controls.js";
import { addMapDetails, setMapData } from "./map.js";
import { MotionArrows } from "./motion.js";
import { createNotices } from "./notices.js";
import { Panes } from "./panes.js";
import { formatFragment, readPermalink, writePermalink } from "./permalink.js";
import { PlacePanel } from "./place_panel.js";
import { Player } from "./player.js";
import { gridProjection, nodeProjection } from "./projection.js";
import { Session } from "./session.js";
import { createSumControls } from "./sum_controls.js";
import { setArea, setLanguage, translate, translateDocument } from "./texts.js";
import { Timeline } from "./timeline.js";
import { setLocalZone, setTimeFormat, zoneName } from "./times.js";
import { setTowns } from "./towns.js";

const DEFAULT_POLL_SECONDS = 5;
/** While the service is starting. */
const STARTING_POLL_SECONDS = 2;
const ZOOM_STEP = 1.5;
/** A place that was looked for is shown at least so many times as large as in the whole map. */
const PLACE_ZOOM = 2.5;
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
const motion = new MotionArrows(session);
/** Parts that are loaded after the first picture; null before. */
let sideParts = null;
const camera = new Camera(() => {
  drawMaps();
  updateAddress();
});
const panes = new Panes(session, timeline, camera, chooseCell);

const drawNotices = createNotices(session);
const drawControls = createControls(session);
const drawSumControls = createSumControls(session, player);
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
}

function theme() {
  return effectiveTheme(settings.theme);
}

/** Cell of the chosen place; null or undefined without one. */
function markedCell() {
  return panes.projection && placePanel.cell(panes.projection);
}

function mapStyle() {
  const mark = markedCell();
  return { theme: theme(), language: settings.language, mark, arrows: motion.shown };
}

function drawMaps() {
  panes.scheduleDraw(mapStyle());
}

function chooseCell(column, row) {
  if (!panes.projection) return;
  const centre = [column, row].map((position) => Math.floor(position) + 0.5);
  const [lon, lat] = panes.projection.toDegrees(...centre);
  placePanel.choose({ lon, lat });
}

/** Show the rain at a place {lon, lat} with its names, if it has any, and bring it into view. */
function choosePlace(place) {
  placePanel.choose(place);
  if (!panes.projection || placePanel.isOutside(panes.projection)) return;
  camera.show(...panes.projection.toCell(place.lon, place.lat), PLACE_ZOOM);
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
  drawSumControls();
  drawLoopControls();
  timeline.draw();
  placePanel.draw(panes.projection, theme());
  sideParts?.draw();
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
  drawSumControls();
  placePanel.drawShownSum();
  drawMaps();
  updateAddress();
});
session.addEventListener("ready", () => {
  const { grid } = session.overview.radar;
  if (grid) {
    const { domain } = session.overview;
    panes.projection = domain ? nodeProjection(session.outlines.positions) : gridProjection(grid);
    if (domain) showDomain(domain, grid.shape);
    placePanel.projection = panes.projection;
    setMapData(session.outlines, panes.projection, grid.shape);
  }
  if (linked.place) {
    const [lon, lat] = linked.place;
    placePanel.choose({ lon, lat });
  }
  panes.arrange(session.models.length);
  if (linked.map) camera.moveTo(...linked.map);
  drawAll();
  panes.draw(mapStyle());
  performance.mark("first-picture");
  loadSideParts();
});

/** Show another country: its area, towns, names and time; its places are found if it has some. */
function showDomain(domain, shape) {
  camera.setArea(shape);
  if (camera.isShowingAll) camera.showAll();
  setTowns(domain.towns);
  setArea({ en: domain.title, de: domain.title_de });
  setLocalZone(domain.time_zone);
  applySettings();
  byId("place-search").hidden = !domain.has_places;
}

async function loadSideParts() {
  const { createSideParts } = await import("./side_parts.js");
  sideParts = createSideParts(session, placePanel, choosePlace);
  sideParts.update();
  const { grid } = session.overview.radar;
  const loading = ["rivers", "states", "districts"];
  if (grid) await loadOutlines(grid.name, ...loading).then(addMapDetails, () => null);
  session.change();
}

byId("zoom-in").addEventListener("click", () => camera.zoomAround(ZOOM_STEP, markedCell()));
byId("zoom-out").addEventListener("click", () => camera.zoomAround(1 / ZOOM_STEP, markedCell()));
byId("zoom-all").addEventListener("click", () => camera.showAll());
byId("share").addEventListener("click", share);
byId("arrows").addEventListener("change", ({ target }) => {
  motion.isWanted = target.checked;
  localStorage.arrows = String(target.checked);
  motion.update();
  session.change();
});
byId("close-place").addEventListener("click", () => placePanel.choose(null));
byId("locate").addEventListener("click", () => {
  const status = byId("place-status");
  const onPosition = ({ coords: { longitude: lon, latitude: lat } }) => {
    status.textContent = "";
    choosePlace({ lon, lat });
  };
  const onFailure = () => {
    status.textContent = translate("noLocation");
  };
  if (navigator.geolocation) navigator.geolocation.getCurrentPosition(onPosition, onFailure);
  else onFailure();
});
addEventListener("hashchange", () => location.reload());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => session.change());

async function poll() {
  await session.refresh();
  await Promise.all([placePanel.update(), motion.update(), sideParts?.update()]);
  const usual = session.overview?.poll_seconds ?? DEFAULT_POLL_SECONDS;
  const seconds = session.problem?.step ? STARTING_POLL_SECONDS : usual;
  setTimeout(poll, 1000 * Math.max(seconds, 1));
}

byId("arrows").checked = motion.isWanted = localStorage.arrows === "true";
applySettings();
drawHeaderButtons();
drawNotices();
placePanel.draw(null, theme());
poll();
