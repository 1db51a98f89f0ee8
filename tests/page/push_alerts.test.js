// Alerts by Web Push: what is sent to the service, and which of its alerts belong to this browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { alertAt, isSupported, subscriptionTo } from "../../service/api/page/static/push_alerts.js";

const BERLIN = { lon: 13.41, lat: 52.52 };
const ENDPOINT = "https://push.example.org/a";
const PUSH = { endpoint: ENDPOINT, expirationTime: null, keys: { p256dh: "p", auth: "a" } };

test("a subscription names the place, the browser and the language of messages", () => {
  const texts = { language: "de", timeZone: "Europe/Berlin" };
  assert.deepEqual(subscriptionTo({ ...BERLIN, name: "Berlin" }, "Berlin", PUSH, texts), {
    name: "Berlin",
    point: { lat: 52.52, lon: 13.41 },
    channel: { kind: "webpush", endpoint: ENDPOINT, p256dh: "p", auth: "a" },
    language: "de",
    time_zone: "Europe/Berlin",
  });
  assert.equal(subscriptionTo(BERLIN, "x".repeat(99), PUSH, texts).name.length, 60);
});

test("an alert at a place is one that is sent to this browser", () => {
  const alert = (point, channel, id) => ({ id, subscription: { point, channel } });
  const alerts = [
    alert(BERLIN, { kind: "webhook", url: "https://example.org" }, "1"),
    alert(BERLIN, { kind: "webpush", endpoint: "https://push.example.org/other" }, "2"),
    alert(null, { kind: "webpush", endpoint: ENDPOINT }, "3"),
    alert({ lon: 11.58, lat: 48.14 }, { kind: "webpush", endpoint: ENDPOINT }, "4"),
    alert(BERLIN, { kind: "webpush", endpoint: ENDPOINT }, "5"),
  ];
  assert.equal(alertAt(alerts, { lon: 13.412, lat: 52.519 }, ENDPOINT).id, "5");
  assert.equal(alertAt(alerts, { lon: 7.85, lat: 48 }, ENDPOINT), undefined);
});

test("messages are not offered where there is no browser that shows them", () => {
  assert.equal(isSupported(), false);
});
