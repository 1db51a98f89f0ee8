// View state: the field that each map shows at a time, or the reason why there is none.

import { differenceField, exceedanceField, probabilityField, rainField } from "./fields.js";
import { modelLabel } from "./model_names.js";
import { PROBABILITY_PREFIX } from "./packed_fields.js";
import { translate } from "./texts.js";

/** Between the names of two models whose difference is shown. */
export const DIFFERENCE = " − ";

/** Contents of each map: {model, field, reason}, where field or reason is null. */
export function viewState(session, step) {
  const { models } = session;
  if (session.view !== "difference") {
    return models.map((model) => {
      const empty = { model, field: null, reason: null };
      return { ...empty, ...mapContents(session, model, step) };
    });
  }
  const [first, second] = models.map((model) => step && rainCodes(session, model, step.time));
  const field = first && second ? differenceField(first, second) : null;
  const reason = field ? null : session.missingReason;
  return [{ model: models.join(DIFFERENCE), field, reason }];
}

function mapContents(session, model, step) {
  if (!step) return {};
  const mm = session.threshold;
  if (step.observed) {
    const codes = session.frames.get(step.time).planes.rainfall_rate[0];
    return { model: null, field: mm ? exceedanceField(codes, mm) : rainField(codes) };
  }
  const codes = mm
    ? planeAt(session, model, step.time, `${PROBABILITY_PREFIX}${mm}`)
    : rainCodes(session, model, step.time);
  if (!codes) return { reason: translate(mm ? "noProbability" : "noLeadTime", { model: modelLabel(model) }) };
  return { field: mm ? probabilityField(codes) : rainField(codes) };
}

const rainCodes = (session, model, time) => planeAt(session, model, time, "rainfall_rate");

function planeAt(session, model, time, plane) {
  const forecast = session.forecast(model);
  return forecast?.planes[plane]?.[forecast.times.indexOf(time)];
}
