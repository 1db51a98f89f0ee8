// Alerts about rain at places that this browser is sent by Web Push, kept by the service.

import { request, send } from "./api.js";
import { isSamePlace } from "./favourites.js";

const WORKER = "push-worker.js";
const LONGEST_NAME = 60;

/** Whether this browser can be sent messages. */
export const isSupported = () =>
  "Notification" in globalThis && "PushManager" in globalThis && "serviceWorker" in navigator;

/**
 * A subscription to rain at a place, as the service takes it.
 *
 * @param {{lon: number, lat: number}} place
 * @param {string} name - Name of the place.
 * @param {object} push - Push subscription of the browser as JSON.
 * @param {{language: string, timeZone: string}} texts - Of the messages.
 */
export function subscriptionTo(place, name, push, { language, timeZone }) {
  return {
    name: name.slice(0, LONGEST_NAME),
    point: { lat: place.lat, lon: place.lon },
    channel: { kind: "webpush", endpoint: push.endpoint, ...push.keys },
    language,
    time_zone: timeZone,
  };
}

/** The alert about a place among those of an API key that are sent to this browser. */
export function alertAt(alerts, place, endpoint) {
  return alerts.find(({ subscription: { point, channel } }) =>
    point && channel.endpoint === endpoint && isSamePlace(point, place),
  );
}

export class PushAlerts {
  constructor() {
    this.push = null;
    this.alerts = [];
  }

  /** Read the alerts that are sent to this browser; none before it has subscribed. */
  async load() {
    const registration = await navigator.serviceWorker.getRegistration();
    this.push = (await registration?.pushManager.getSubscription()) ?? null;
    if (this.push) ({ alerts: this.alerts } = await request("alerts"));
  }

  at(place) {
    return this.push && alertAt(this.alerts, place, this.push.endpoint);
  }

  /**
   * Subscribe to rain at a place.
   *
   * @throws {Problem} If the service refuses it.
   * @throws {DOMException} If the user or the browser does.
   */
  async add(place, name, texts) {
    const { public_key: key } = await request("alerts/web-push-key");
    const registration = await navigator.serviceWorker.register(WORKER);
    const push = await subscribe(registration.pushManager, key);
    const created = await send("POST", "alerts", subscriptionTo(place, name, push.toJSON(), texts));
    Object.assign(this, { push, alerts: [...this.alerts, created] });
  }

  async remove(place) {
    const { id } = this.at(place);
    await send("DELETE", `alerts/${id}`);
    this.alerts = this.alerts.filter((alert) => alert.id !== id);
  }
}

/** The push subscription of this browser with a key of the service; an older key is replaced. */
async function subscribe(pushManager, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    await (await pushManager.getSubscription()).unsubscribe();
    return pushManager.subscribe(options);
  }
}
