// View state: the field that each map shows at a time, or the reason why there is none.

import {
  differenceField,
  exceedanceField,
  hasData,
  probabilityField,
  rainField,
  RATE_UNIT,
  SUM_UNIT,
  sumField,
} from "./fields.js";
import { modelLabel } from "./model_names.js";
import { PROBABILITY_PREFIX } from "./packed_fields.js";
import { translate } from "./texts.js";
import { formatPeriod, longPeriod, MINUTE, toIso } from "./times.js";

/** Between the names of two models whose difference is shown. */
export const DIFFERENCE = " − ";

/**
 * Contents of each map: {model, field, reason, isLoading}, where field or reason is null.
 * A sum that lacks too many radar frames has both.
 */
export function viewState(session, step) {
  const { models } = session;
  if (session.view !== "difference") {
    return models.map((model) => {
      const empty = { model, field: null, reason: null, isLoading: false };
      return { ...empty, ...mapContents(session, model, step) };
    });
  }
  const isLoading = models.some((model) => session.isLoading(model));
  const [first, second] = models.map((model) => step && rainCodes(session, model, step.time));
  const unit = session.sumMinutes ? SUM_UNIT : RATE_UNIT;
  const field = first && second && !isLoading ? differenceField(first, second, unit) : null;
  const reason = field || isLoading ? null : differenceReason(session);
  return [{ model: models.join(DIFFERENCE), field, reason, isLoading }];
}

function differenceReason(session) {
  const { missingReason, sumMinutes, models } = session;
  if (missingReason || !sumMinutes) return missingReason;
  const without = models.find((model) => !session.forecast(model)?.planes.precipitation_amount);
  return without ? translate("noSums", { model: modelLabel(without) }) : null;
}

/** What the period of a rain sum up to a step is, 13:55–14:55; empty where no sum is shown. */
export function sumPeriod({ sumMinutes }, step) {
  return sumMinutes && step ? formatPeriod(step.time - sumMinutes * MINUTE, step.time) : "";
}

/** Whether the rain sum up to a step is in part measured and in part forecast. */
export function isOfBoth({ sumMinutes, newestTime }, step) {
  return Boolean(sumMinutes && !step.observed && step.time - sumMinutes * MINUTE < newestTime);
}

function mapContents(session, model, step) {
  if (!step) return {};
  const mm = session.threshold;
  if (step.observed) {
    if (session.sumMinutes) return measuredSum(session, step);
    const codes = session.frames.get(step.time).planes.rainfall_rate[0];
    return { model: null, field: mm ? exceedanceField(codes, mm) : rainField(codes) };
  }
  if (session.isLoading(model)) return { isLoading: true };
  const codes = mm
    ? planeAt(session, model, step.time, `${PROBABILITY_PREFIX}${mm}`)
    : rainCodes(session, model, step.time);
  if (!codes) return { reason: translate(missingText(session), { model: modelLabel(model) }) };
  if (session.sumMinutes) return sumContents(session, codes);
  return { field: mm ? probabilityField(codes) : rainField(codes) };
}

function missingText({ threshold, sumMinutes }) {
  if (sumMinutes) return "noSums";
  return threshold ? "noProbability" : "noLeadTime";
}

function measuredSum(session, step) {
  const codes = session.sums.codes(session.sumMinutes, toIso(step.time));
  if (!codes) return { model: null, isLoading: true };
  return { model: null, ...sumContents(session, codes) };
}

function sumContents({ sumMinutes }, codes) {
  const field = sumField(codes);
  const period = longPeriod(sumMinutes);
  return { field, reason: hasData(field) ? null : translate("tooFewFrames", { period }) };
}

/** Codes of what is forecast: of rates, or of sums where these are shown. */
function rainCodes(session, model, time) {
  const plane = session.sumMinutes ? "precipitation_amount" : "rainfall_rate";
  return planeAt(session, model, time, plane);
}

function planeAt(session, model, time, plane) {
  const forecast = session.forecast(model);
  return forecast?.planes[plane]?.[forecast.times.indexOf(time)];
}
