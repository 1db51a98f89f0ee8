// Measured rain sums of one period, up to each radar frame.

import { loadMeasuredSum } from "./field_cache.js";
import { loadNewestFirst } from "./parallel.js";

export class MeasuredSums {
  /** `onChange()` is called when a sum has come. */
  constructor(onChange) {
    this.onChange = onChange;
    this.minutes = null;
    this.isoTimes = [];
    this.sums = new Map();
  }

  /**
   * Load the sums of a period up to some times as the service writes them, the newest first; those
   * that lack radar frames again when there are other frames. Older ones are dropped.
   */
  async load(minutes, isoTimes) {
    if (minutes !== this.minutes) this.sums = new Map();
    const hasOtherFrames = this.isoTimes.join() !== isoTimes.join();
    Object.assign(this, { minutes, isoTimes });
    if (!minutes) return;
    const { sums } = this;
    const wanted = new Set(isoTimes);
    for (const isoTime of sums.keys()) if (!wanted.has(isoTime)) sums.delete(isoTime);
    const missing = isoTimes.filter((isoTime) => {
      const known = sums.get(isoTime);
      return !known || (hasOtherFrames && known.header.frames_missing);
    });
    await loadNewestFirst(missing, async (isoTime) => {
      const loaded = await loadMeasuredSum(isoTime, minutes).catch(() => null);
      if (loaded) sums.set(isoTime, loaded);
      if (this.sums === sums) this.onChange();
    });
  }

  /** Codes of the sum up to a time; null while they are not loaded. */
  codes(minutes, isoTime) {
    if (minutes !== this.minutes) return null;
    return this.sums.get(isoTime)?.planes.precipitation_amount[0] ?? null;
  }
}
