// Sentences about the rain at a place, in both languages.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { forecastAtPlace, rainSummary } from "../../service/api/page/static/rain_summary.js";
import { setLanguage } from "../../service/api/page/static/texts.js";
import { MINUTE, setTimeFormat, toIso } from "../../service/api/page/static/times.js";

const ISSUE = Date.parse("2026-06-21T12:00:00Z");
const LEADS = [30, 60, 90, 120];

const timeAt = (minutes) => ISSUE + minutes * MINUTE;

/** Facts about rates at the four lead times, summarised as the service does. */
function facts(rates, more = {}) {
  const wet = rates.map((rate, k) => (rate >= 0.1 ? k : -1)).filter((k) => k >= 0);
  const complete = !rates.includes(null);
  const end = wet.length ? wet.at(-1) + 1 : rates.length;
  const incomplete = complete ? "dry" : "unknown";
  const summary = {
    state: wet.length ? "rain" : incomplete,
    complete,
    starts: wet.length ? toIso(timeAt(LEADS[wet[0]])) : null,
    ends: wet.length && end < rates.length && complete ? toIso(timeAt(LEADS[end])) : null,
  };
  const forecast = rates.map((rate, k) => ({ time: timeAt(LEADS[k]), rate, probabilities: [] }));
  return { summary, issue: ISSUE, forecast, currentRate: 0, stale: false, ...more };
}

function inBoth(input) {
  return ["en", "de"].map((language) => {
    setLanguage(language);
    setTimeFormat("UTC", language);
    return rainSummary(input);
  });
}

beforeEach(() => {
  setLanguage("en");
  setTimeFormat("UTC", "en");
});

const CASES = [
  [
    "dry weather",
    facts([0, 0, 0.05, 0]),
    "It stays dry until at least 14:00.",
    "Es bleibt mindestens bis 14:00 Uhr trocken.",
  ],
  [
    "rain that is over soon",
    facts([0, 0, 0, 0], { currentRate: 2 }),
    "It is raining now; it is dry from 12:30 until at least 14:00.",
    "Jetzt regnet es; ab 12:30 Uhr ist es mindestens bis 14:00 Uhr trocken.",
  ],
  [
    "rain that starts and ends",
    facts([0, 1.5, 0, 0]),
    "Rain starts between 12:30 and 13:00. The rain ends between 13:00 and 13:30. Up to 1.5 mm/h.",
    "Zwischen 12:30 und 13:00 Uhr beginnt es zu regnen. Der Regen endet zwischen 13:00 und 13:30 Uhr. Bis zu 1,5 mm/h.",
  ],
  [
    "rain that goes on",
    facts([1, 2, 3, 4], { currentRate: 1 }),
    "It is raining. The rain continues beyond 14:00. Up to 4 mm/h.",
    "Es regnet. Der Regen dauert über 14:00 Uhr hinaus an. Bis zu 4 mm/h.",
  ],
  [
    "rain that starts before the first lead time, with an interruption",
    facts([1, 0, 3, 0]),
    "Rain starts by 12:30. The rain ends between 13:30 and 14:00. With interruptions. Up to 3 mm/h.",
    "Spätestens um 12:30 Uhr beginnt es zu regnen. Der Regen endet zwischen 13:30 und 14:00 Uhr. Mit Unterbrechungen. Bis zu 3 mm/h.",
  ],
  [
    "no data",
    facts([null, null, null, null], { currentRate: null }),
    "Unknown: there are no radar data here. That does not mean it is dry.",
    "Unbekannt: Hier gibt es keine Radardaten. Das heißt nicht, dass es trocken ist.",
  ],
  [
    "dry weather with gaps",
    facts([0, null, 0, 0]),
    "Unknown: data are missing for part of the time. Where there are data, it stays dry.",
    "Unbekannt: Für einen Teil der Zeit fehlen Daten. Soweit es Daten gibt, bleibt es trocken.",
  ],
  [
    "rain with gaps",
    facts([0, null, 2, null]),
    "Rain starts between 12:30 and 13:30. When it ends is unknown, because data are missing. Up to 2 mm/h.",
    "Zwischen 12:30 und 13:30 Uhr beginnt es zu regnen. Wann er endet, ist unbekannt, weil Daten fehlen. Bis zu 2 mm/h.",
  ],
  [
    "outdated radar",
    facts([0, 0, 0, 0], { stale: true }),
    "This forecast from 12:00 is based on outdated radar data. It stays dry until at least 14:00.",
    "Diese Vorhersage von 12:00 Uhr beruht auf veralteten Radardaten. Es bleibt mindestens bis 14:00 Uhr trocken.",
  ],
];

for (const [name, input, inEnglish, inGerman] of CASES) {
  test(`${name} is described in both languages`, () => {
    assert.deepEqual(inBoth(input), [inEnglish, inGerman]);
  });
}

test("every combination of rates gives whole sentences, dry only where all is known", () => {
  const values = [0, 0.1, 7.25, null];
  for (let k = 0; k < values.length ** 5; k++) {
    const [currentRate, ...rates] = [0, 1, 2, 3, 4].map(
      (digit) => values[Math.floor(k / values.length ** digit) % values.length],
    );
    const input = facts(rates, { currentRate });
    for (const text of inBoth(input)) {
      assert.doesNotMatch(text, /undefined|null|NaN|\{|Invalid/);
      assert.match(text, /\.$/);
      assert.equal(text.includes("mm/h"), input.summary.state === "rain", text);
    }
    const [text] = inBoth(input);
    if (input.summary.state === "unknown") assert.match(text, /^Unknown/);
    if (input.summary.state === "rain") assert.doesNotMatch(text, /dry/);
  }
});

test("missing data between rain are no interruption", () => {
  assert.doesNotMatch(rainSummary(facts([1, null, 1, 1])), /interruptions/);
  assert.match(rainSummary(facts([1, 0, 1, 1])), /interruptions/);
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
