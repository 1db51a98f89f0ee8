// Sentences about the rain at a place, in both languages.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { forecastAtPlace, rainSummary } from "../../service/api/page/static/rain_summary.js";
import { setLanguage } from "../../service/api/page/static/texts.js";
import { MINUTE, setTimeFormat, toIso } from "../../service/api/page/static/times.js";

const ISSUE = Date.parse("2026-06-21T12:00:00Z");
const LEADS = [30, 60, 90, 120];

const timeAt = (minutes) => ISSUE + minutes * MINUTE;

/** Summary of the service with these members. */
function summary(members) {
  return {
    state: "dry",
    until: toIso(timeAt(120)),
    starts_between: null,
    ends_between: null,
    unknown_after: null,
    peak: 0,
    probability: null,
    with_interruptions: false,
    ...members,
  };
}

const between = (...minutes) => minutes.map((minute) => toIso(timeAt(minute)));

function inBoth(members, stale = false) {
  return ["en", "de"].map((language) => {
    setLanguage(language);
    setTimeFormat("UTC", language);
    return rainSummary(summary(members), { issue: ISSUE, stale });
  });
}

beforeEach(() => {
  setLanguage("en");
  setTimeFormat("UTC", "en");
});

const CASES = [
  [
    "dry weather",
    {},
    "It stays dry until at least 14:00.",
    "Es bleibt mindestens bis 14:00 Uhr trocken.",
  ],
  [
    "weather that is probably dry",
    { state: "probably_dry" },
    "It probably stays dry until 14:00.",
    "Es bleibt wahrscheinlich bis 14:00 Uhr trocken.",
  ],
  [
    "a chance of a shower",
    { state: "probably_dry", probability: 0.2 },
    "It probably stays dry until 14:00; the chance of a shower is 20 %.",
    "Es bleibt wahrscheinlich bis 14:00 Uhr trocken; die Wahrscheinlichkeit für einen Schauer beträgt 20 %.",
  ],
  [
    "rain that is likely but not forecast",
    { state: "rain_possible", probability: 0.55 },
    "Rain is possible until 14:00; the chance is 55 %.",
    "Bis 14:00 Uhr ist Regen möglich; die Wahrscheinlichkeit beträgt 55 %.",
  ],
  [
    "rain that is over soon",
    { state: "rain", peak: 2, ends_between: between(0, 5) },
    "It is raining. The rain ends between 12:00 and 12:05. Up to 2.0 mm/h.",
    "Es regnet. Der Regen endet zwischen 12:00 und 12:05 Uhr. Bis zu 2,0 mm/h.",
  ],
  [
    "rain that starts and ends",
    { state: "rain", peak: 1.5, starts_between: between(30, 45), ends_between: between(60, 80) },
    "Rain starts between 12:30 and 12:45. The rain ends between 13:00 and 13:20. Up to 1.5 mm/h.",
    "Zwischen 12:30 und 12:45 Uhr beginnt es zu regnen. Der Regen endet zwischen 13:00 und 13:20 Uhr. Bis zu 1,5 mm/h.",
  ],
  [
    "rain that goes on with interruptions",
    { state: "rain", peak: 4, with_interruptions: true },
    "It is raining. The rain continues beyond 14:00. With interruptions. Up to 4.0 mm/h.",
    "Es regnet. Der Regen dauert über 14:00 Uhr hinaus an. Mit Unterbrechungen. Bis zu 4,0 mm/h.",
  ],
  [
    "a place without radar",
    { state: "unknown", peak: null, unknown_after: toIso(ISSUE) },
    "Unknown: there are no radar data here. That does not mean it is dry.",
    "Unbekannt: Hier gibt es keine Radardaten. Das heißt nicht, dass es trocken ist.",
  ],
  [
    "a place without radar now",
    { state: "unknown" },
    "Unknown: there are no radar data here now.",
    "Unbekannt: Hier gibt es zurzeit keine Radardaten.",
  ],
  [
    "weather from where no radar sees",
    { state: "unknown", unknown_after: toIso(timeAt(45)) },
    "No rain is forecast until 12:45; what comes later is unknown, because no radar sees where the weather comes from.",
    "Bis 12:45 Uhr ist kein Regen vorhergesagt; was danach kommt, ist unbekannt, weil kein Radar sieht, woher das Wetter kommt.",
  ],
  [
    "rain whose end is unknown",
    { state: "rain", peak: 2, unknown_after: toIso(timeAt(45)) },
    "It is raining. When the rain ends is unknown, because no radar sees where the weather comes from. Up to 2.0 mm/h.",
    "Es regnet. Wann der Regen aufhört, ist unbekannt, weil kein Radar sieht, woher das Wetter kommt. Bis zu 2,0 mm/h.",
  ],
];

for (const [name, members, inEnglish, inGerman] of CASES) {
  test(`${name} is described in both languages`, () => {
    assert.deepEqual(inBoth(members), [inEnglish, inGerman]);
  });
}

test("outdated radar is named first", () => {
  assert.deepEqual(inBoth({}, true), [
    "This forecast from 12:00 is based on outdated radar data. It stays dry until at least 14:00.",
    "Diese Vorhersage (Stand 12:00 Uhr) beruht auf veralteten Radardaten. Es bleibt mindestens bis 14:00 Uhr trocken.",
  ]);
});

test("a response for a place is read by lead time, thresholds in rising order", () => {
  const response = {
    domain: { axes: { t: { values: LEADS.map((lead) => toIso(timeAt(lead))) } } },
    ranges: {
      exceedance_probability_10: { values: [0.1, 0.2, null, 0.4] },
      rainfall_rate: { values: [1, null, 0, 2] },
      "exceedance_probability_0.5": { values: [0.9, 0.8, 0.7, null] },
    },
  };
  const forecast = forecastAtPlace(response);
  assert.deepEqual(forecast.map(({ time }) => time), LEADS.map(timeAt));
  assert.deepEqual(forecast.map(({ rate }) => rate), [1, null, 0, 2]);
  assert.deepEqual(forecast[0].probabilities, [[0.5, 0.9], [10, 0.1]]);
  assert.deepEqual(forecast[2].probabilities, [[0.5, 0.7], [10, null]]);
});

test("the page words each summary as the API does", { skip: !process.env.NOWCAST_WORDINGS }, () => {
  const withoutZone = (text) => text.replaceAll(/ (UTC|Uhr)/g, "");
  const cases = JSON.parse(process.env.NOWCAST_WORDINGS);
  assert.ok(cases.length > 50);
  for (const { issue, summary: document } of cases) {
    for (const language of ["en", "de"]) {
      setLanguage(language);
      setTimeFormat("UTC", language);
      const words = rainSummary(document, { issue: Date.parse(issue), stale: false });
      assert.equal(withoutZone(words), withoutZone(document.text[language]));
    }
  }
});
