// The range in which the rain at a place probably lies, from exceedance probabilities.

/** Ranges need the probability of at least this rate in mm/h, below which it counts as dry. */
const LOWEST_THRESHOLD = 0.1;
/** Probabilities that the rate reaches the ends of the range: it lies in it in 8 of 10 cases. */
const [LIKELY, UNLIKELY] = [0.9, 0.1];

/**
 * Range of a rate in mm/h from its 10th to its 90th percentile.
 *
 * @param {[number, number | null][]} probabilities - Pairs of a threshold in mm/h and the
 *   probability (0 to 1) of reaching it, by rising threshold.
 * @returns {{low: number, high: number} | null} Ends of the range, 0 for dry; null where there are
 *   no probabilities, or none of weak rain.
 */
export function rateRange(probabilities) {
  const isKnown = probabilities.every(([, probability]) => probability !== null);
  if (!probabilities.length || !isKnown || probabilities[0][0] > LOWEST_THRESHOLD) return null;
  return { low: rateReached(probabilities, LIKELY), high: rateReached(probabilities, UNLIKELY) };
}

/** The largest rate that is reached with a probability; between thresholds by logarithms. */
function rateReached(probabilities, wanted) {
  const last = probabilities.findLastIndex(([, probability]) => probability >= wanted);
  if (last < 0) return 0;
  const [mm, probability] = probabilities[last];
  if (last + 1 === probabilities.length) return mm;
  const [nextMm, nextProbability] = probabilities[last + 1];
  const share = (probability - wanted) / (probability - nextProbability);
  return mm * (nextMm / mm) ** share;
}
