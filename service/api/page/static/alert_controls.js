// The button that turns messages about rain at the chosen place on and off.

import { byId } from "./dom.js";
import { PushAlerts, isSupported } from "./push_alerts.js";
import { currentLanguage, translate } from "./texts.js";

const REFUSED = "NotAllowedError";

/**
 * Set up the button; it is hidden where the service or the browser sends no messages.
 *
 * @param {import("./session.js").Session} session
 * @param {import("./place_panel.js").PlacePanel} placePanel
 * @returns {() => void} Draws it.
 */
export function createAlertControls(session, placePanel) {
  const [host, button, status] = ["place-alert", "toggle-alert", "alert-status"].map(byId);
  const alerts = new PushAlerts();
  let state = "new";

  button.addEventListener("click", async () => {
    const { place, name } = placePanel;
    button.disabled = true;
    status.textContent = "";
    try {
      await toggle(alerts, place, name);
    } catch (error) {
      status.textContent = reason(error);
    }
    button.disabled = false;
    draw();
  });

  async function load() {
    state = "loading";
    // Where they cannot be read, such as for want of an API key, the button says so when clicked.
    await alerts.load().catch(() => null);
    state = "loaded";
    draw();
  }

  function draw() {
    const { place, projection } = placePanel;
    const isOffered = Boolean(session.overview?.web_push) && isSupported();
    if (isOffered && state === "new") load();
    const isInside = Boolean(place && projection) && !placePanel.isOutside(projection);
    host.hidden = !isOffered || !isInside || state !== "loaded";
    if (host.hidden) {
      status.textContent = "";
      return;
    }
    const isOn = Boolean(alerts.at(place));
    button.textContent = translate(isOn ? "alertStop" : "alertStart");
    button.setAttribute("aria-pressed", String(isOn));
  }

  return draw;
}

/** Turn messages about a place on or off. */
async function toggle(alerts, place, name) {
  if (alerts.at(place)) {
    await alerts.remove(place);
    return;
  }
  // It is asked for at once, as browsers want it where a user has just clicked.
  if ((await Notification.requestPermission()) !== "granted") {
    throw new DOMException("", REFUSED);
  }
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  await alerts.add(place, name, { language: currentLanguage(), timeZone });
}

/** Why messages could not be turned on or off, in words. */
function reason(error) {
  if (error instanceof DOMException) {
    return translate(error.name === REFUSED ? "alertDenied" : "alertFailed");
  }
  return error.message || translate("alertFailed");
}
