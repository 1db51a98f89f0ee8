// What is on each map at a time: a field, or in words why there is none.

import { chance, difference, rain, reached } from "./fields.js";
import { say } from "./words.js";

/** {model, field or null, why not} of each map. */
export function scene(session, step) {
  const { models } = session;
  if (session.view !== "difference") return models.map((model) => one(session, model, step));
  const [first, second] = models.map((model) => step && rates(session, model, step.time));
  const field = first && second ? difference(first, second) : null;
  return [{ model: models.join(" − "), field, why: field ? null : session.lack }];
}

function one(session, model, step) {
  if (!step) return { model, field: null, why: null };
  const mm = session.threshold;
  if (step.observed) {
    const codes = session.frames.get(step.time).planes.rainfall_rate[0];
    return { model: null, field: mm ? reached(codes, mm) : rain(codes), why: null };
  }
  const codes = mm
    ? plane(session, model, step.time, `exceedance_probability_${mm}`)
    : rates(session, model, step.time);
  if (!codes) return { model, field: null, why: say(mm ? "noChance" : "noLead", { model }) };
  return { model, field: mm ? chance(codes) : rain(codes), why: null };
}

const rates = (session, model, time) => plane(session, model, time, "rainfall_rate");

function plane(session, model, time, name) {
  const grid = session.grid(model);
  return grid?.planes[name]?.[grid.times.indexOf(time)];
}
