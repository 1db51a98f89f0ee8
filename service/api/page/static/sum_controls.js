// Buttons that show the rain of the last or of the next minutes, where rain sums are shown.

import { byId } from "./dom.js";
import { translate } from "./texts.js";
import { longPeriod, MINUTE } from "./times.js";

const HOUR = 60;

/** Set up the buttons. Returns a function that updates them. */
export function createSumControls(session, player) {
  const [last, next] = [byId("sum-last"), byId("sum-next")];
  const show = (minutes) => {
    player.stop();
    session.showTime(session.newestTime + minutes * MINUTE);
  };
  last.addEventListener("click", () => show(0));
  next.addEventListener("click", () => show(session.sumMinutes));

  return () => {
    const minutes = session.sumMinutes;
    byId("sum-times").hidden = !minutes;
    if (!minutes) return;
    const steps = session.steps();
    const shown = session.currentStep(steps)?.time;
    drawButton(last, lastPeriod(minutes), session.newestTime, steps, shown);
    drawButton(next, nextPeriod(minutes), session.newestTime + minutes * MINUTE, steps, shown);
  };
}

function drawButton(button, text, time, steps, shown) {
  button.textContent = text;
  button.disabled = !steps.some((step) => step.time === time);
  button.setAttribute("aria-pressed", String(shown === time));
}

/** Last hour, last 15 minutes. */
export function lastPeriod(minutes) {
  return minutes === HOUR ? translate("sumLastHour") : translate("sumLast", { period: longPeriod(minutes) });
}

/** Next hour, next 2 hours. */
export function nextPeriod(minutes) {
  return minutes === HOUR ? translate("sumNextHour") : translate("sumNext", { period: longPeriod(minutes) });
}
