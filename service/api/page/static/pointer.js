// Pans and zooms the map by pointer, touch, wheel and keyboard, and picks places.

/** Pixels that a pointer may travel during a click. */
const CLICK_TOLERANCE = 6;
const KEYBOARD_PAN = 60;
const KEYBOARD_ZOOM = 1.4;
const WHEEL_ZOOM = 0.0015;
/** A pinch on a touchpad arrives as a wheel event with the control key. */
const TOUCHPAD_PINCH_ZOOM = 0.01;

/**
 * Listen to a pane.
 *
 * @param {HTMLElement} pane
 * @param {import("./camera.js").Camera} camera
 * @param {object} callbacks - `onPick(column, row)` on a click or Enter;
 *   `onHover(column, row, left, top)` while the pointer moves over the pane, `onHover()` when it
 *   leaves.
 */
export function listenToPointer(pane, camera, { onPick, onHover }) {
  listenToDragging(pane, camera, { onPick, onHover });
  pane.addEventListener("pointerleave", () => onHover());
  pane.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const speed = event.ctrlKey ? TOUCHPAD_PINCH_ZOOM : WHEEL_ZOOM;
      camera.zoom(Math.exp(-event.deltaY * speed), ...position(pane, event));
    },
    { passive: false },
  );
  const actions = keyboardActions(camera, onPick);
  pane.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const action = actions[event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  });
}

function listenToDragging(pane, camera, { onPick, onHover }) {
  /** Last position of each pointer that is down. */
  const pointers = new Map();
  let travelled = 0;

  pane.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    pane.setPointerCapture(event.pointerId);
    if (!pointers.size) travelled = 0;
    pointers.set(event.pointerId, position(pane, event));
  });
  pane.addEventListener("pointermove", (event) => {
    const current = position(pane, event);
    const previous = pointers.get(event.pointerId);
    if (!previous) {
      onHover(...camera.cell(...current), ...current);
      return;
    }
    const otherFinger = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    travelled += distance(current, previous);
    if (otherFinger) {
      travelled += CLICK_TOLERANCE;
      pinch(camera, previous, current, otherFinger);
    } else if (travelled > CLICK_TOLERANCE) {
      camera.pan(current[0] - previous[0], current[1] - previous[1]);
    }
    pointers.set(event.pointerId, current);
  });
  pane.addEventListener("pointerup", (event) => {
    if (pointers.delete(event.pointerId) && !pointers.size && travelled <= CLICK_TOLERANCE) {
      onPick(...camera.cell(...position(pane, event)));
    }
  });
  pane.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
}

const keyboardActions = (camera, onPick) => ({
  ArrowLeft: () => camera.pan(KEYBOARD_PAN, 0),
  ArrowRight: () => camera.pan(-KEYBOARD_PAN, 0),
  ArrowUp: () => camera.pan(0, KEYBOARD_PAN),
  ArrowDown: () => camera.pan(0, -KEYBOARD_PAN),
  "+": () => camera.zoom(KEYBOARD_ZOOM),
  "=": () => camera.zoom(KEYBOARD_ZOOM),
  "-": () => camera.zoom(1 / KEYBOARD_ZOOM),
  0: () => camera.showAll(),
  Enter: () => onPick(camera.x, camera.y),
});

function pinch(camera, previous, current, otherFinger) {
  const centre = [(current[0] + otherFinger[0]) / 2, (current[1] + otherFinger[1]) / 2];
  camera.pan((current[0] - previous[0]) / 2, (current[1] - previous[1]) / 2);
  const ratio = distance(current, otherFinger) / Math.max(distance(previous, otherFinger), 1);
  camera.zoom(ratio, ...centre);
}

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Position of an event in pixels from the top left corner of the pane. */
function position(pane, event) {
  const box = pane.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
