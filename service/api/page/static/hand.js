// Moving about the map by pointer, touch, wheel and keyboard; picking a place.

const STILL = 6;
const STEP = 60;

/** Listen on a pane: {picked(column, row), over(column, row, left, top) or over() when it leaves}. */
export function handle(pane, camera, { picked, over }) {
  const down = new Map();
  let moved = 0;

  pane.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    pane.setPointerCapture(event.pointerId);
    if (!down.size) moved = 0;
    down.set(event.pointerId, spot(pane, event));
  });
  pane.addEventListener("pointermove", (event) => {
    const now = spot(pane, event);
    if (!down.has(event.pointerId)) {
      over(...camera.cell(...now), ...now);
      return;
    }
    const before = down.get(event.pointerId);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (other) {
      moved += STILL;
      pinch(camera, before, now, other);
    } else if (moved > STILL) {
      camera.pan(now[0] - before[0], now[1] - before[1]);
    }
    down.set(event.pointerId, now);
  });
  pane.addEventListener("pointerup", (event) => {
    if (down.delete(event.pointerId) && !down.size && moved <= STILL) {
      picked(...camera.cell(...spot(pane, event)));
    }
  });
  pane.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  pane.addEventListener("pointerleave", () => over());
  pane.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      camera.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...spot(pane, event));
    },
    { passive: false },
  );
  pane.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const act = keys(camera, picked)[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopPropagation();
  });
}

const keys = (camera, picked) => ({
  ArrowLeft: () => camera.pan(STEP, 0),
  ArrowRight: () => camera.pan(-STEP, 0),
  ArrowUp: () => camera.pan(0, STEP),
  ArrowDown: () => camera.pan(0, -STEP),
  "+": () => camera.zoom(1.4),
  "=": () => camera.zoom(1.4),
  "-": () => camera.zoom(1 / 1.4),
  0: () => camera.all(),
  Enter: () => picked(camera.x, camera.y),
});

function pinch(camera, before, now, other) {
  const far = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
  camera.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  camera.zoom(far(now) / Math.max(far(before), 1), ...middle);
}

function spot(pane, event) {
  const box = pane.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
