// The time axis: two hours of measurements, the newest frame, the forecast; and a slider over it.

import { byId, svgElement } from "./dom.js";
import { translate } from "./texts.js";
import {
  axisLabel,
  formatClock,
  formatDay,
  formatTime,
  FRAME_INTERVAL,
  MINUTE,
  minuteOfDay,
  zoneName,
} from "./times.js";

/** Minutes of measurements, and of forecast at least. */
const PAST = 120;
/** On an axis narrower than this, in pixels, only whole hours are labelled. */
const NARROW = 520;
/** Top and height of the band in pixels. */
const [TOP, HEIGHT] = [22, 20];
const BOTTOM = TOP + HEIGHT;
/** With more lead times than this their dots are small. */
const MANY_LEADS = 8;

export class Timeline {
  constructor(session, player) {
    this.session = session;
    this.player = player;
    this.slider = byId("time");
    this.axis = document.querySelector("#track svg");
    this.shownTime = byId("shown-time");
    this.playButton = byId("play");
    this.playButton.addEventListener("click", () => player.toggle());
    this.slider.addEventListener("input", () => this.showSliderTime());
    document.addEventListener("keydown", (event) => this.handleKey(event));
    new ResizeObserver(() => this.draw()).observe(this.axis);
  }

  showSliderTime() {
    this.player.stop();
    this.session.showTime(this.session.newestTime + Number(this.slider.value) * MINUTE);
    this.session.showTime(this.session.currentStep()?.time ?? null);
  }

  handleKey(event) {
    const { target, key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const needsKeys = target.closest?.("select, input:not(#time), textarea");
    if (needsKeys || (key === " " && target.closest?.("button, a"))) return;
    const isSlider = target === this.slider;
    const actions = {
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.moveBy(-1),
      ArrowRight: () => this.moveBy(1),
      ArrowDown: isSlider && (() => this.moveBy(-1)),
      ArrowUp: isSlider && (() => this.moveBy(1)),
      Home: () => this.moveBy(-Infinity),
      End: () => this.moveBy(Infinity),
    };
    if (!actions[key]) return;
    event.preventDefault();
    actions[key]();
  }

  /** Show the step that is so many steps later. */
  moveBy(count) {
    this.player.stop();
    const steps = this.session.steps();
    const wanted = steps.indexOf(this.session.currentStep(steps)) + count;
    const step = steps[Math.min(Math.max(wanted, 0), steps.length - 1)];
    if (step) this.session.showTime(step.time);
  }

  /** Minutes from the newest frame to the right end of the axis. */
  get future() {
    const last = this.session.steps().at(-1);
    const minutes = last ? (last.time - this.session.newestTime) / MINUTE : 0;
    return Math.max(minutes, PAST);
  }

  /** Position of a time on the axis, from 0 to 1. */
  share(time) {
    return ((time - this.session.newestTime) / MINUTE + PAST) / (PAST + this.future);
  }

  percent(time) {
    return `${(100 * this.share(time)).toFixed(3)}%`;
  }

  /** Update what depends on the displayed time. */
  update() {
    const step = this.session.currentStep();
    const [time, day, description] = this.shownTime.children;
    const { playing } = this.player;
    this.playButton.setAttribute("aria-label", translate(playing ? "pause" : "play"));
    this.playButton.classList.toggle("playing", playing);
    this.slider.disabled = this.playButton.disabled = !step;
    document.body.classList.toggle("showing-forecast", Boolean(step && !step.observed));
    time.textContent = step ? formatClock(step.time) : "–";
    day.textContent = step ? formatDay(step.time) : "";
    description.textContent = step ? this.describe(step) : "";
    if (!step) return;
    time.title = zoneName(step.time);
    this.slider.value = String((step.time - this.session.newestTime) / MINUTE);
    this.slider.setAttribute("aria-valuetext", `${formatTime(step.time)}, ${this.describe(step)}`);
  }

  /** Radar · −10 min, or Forecast +30 min. */
  describe(step) {
    const minutes = Math.round((step.time - this.session.newestTime) / MINUTE);
    if (!step.observed) return `${translate("forecast")} ${translate("leadTime", { minutes })}`;
    const age = minutes ? translate("timeBefore", { minutes: -minutes }) : translate("newest");
    return `${translate("radar")} · ${age}`;
  }

  draw() {
    this.axis.replaceChildren();
    const { newestTime } = this.session;
    if (!newestTime) return;
    this.slider.min = String(-PAST);
    this.slider.max = String(this.future);
    const newest = this.percent(newestTime);
    const width = `${(100 * (1 - this.share(newestTime))).toFixed(3)}%`;
    const future = { x: newest, y: TOP, width, height: HEIGHT, rx: 5 };
    this.axis.append(
      svgElement("defs", {}, stripes()),
      svgElement("rect", { ...future, class: "measured-period", x: 0, width: newest }),
      svgElement("rect", { ...future, class: "forecast-period" }),
      svgElement("rect", { ...future, fill: "url(#stripes)" }),
      ...this.frames(),
      ...this.leads(),
      ...this.missingForecast(),
      verticalLine("border", newest, 2, BOTTOM + 6),
      label(newest, 13, translate("measured"), "end", "period", -8),
      label(newest, 13, translate("forecast"), "start", "period forecast", 8),
      ...this.hours(),
      ...this.presentTime(),
    );
    this.update();
  }

  /** A line for each frame, pale until it is loaded. */
  frames() {
    return this.session.overview.radar.times.map((isoTime) => {
      const time = Date.parse(isoTime);
      const className = this.session.frames.has(time) ? "frame" : "frame loading";
      return verticalLine(className, this.percent(time), TOP + 4, BOTTOM - 4);
    });
  }

  /** A dot for each lead time. */
  leads() {
    const leads = this.session.steps().filter(({ observed }) => !observed);
    const r = leads.length > MANY_LEADS ? 2 : 4;
    const cy = TOP + HEIGHT / 2;
    return leads.map(({ time }) =>
      svgElement("circle", { class: "lead", cx: this.percent(time), cy, r }),
    );
  }

  /** A text in place of a forecast that is missing. */
  missingForecast() {
    if (!this.session.missingReason) return [];
    const middle = this.percent(this.session.newestTime + (this.future / 2) * MINUTE);
    return [label(middle, TOP + HEIGHT / 2 + 4, translate("noForecast"), "middle", "period")];
  }

  /** Labels of whole and half hours, or of whole hours only. */
  hours() {
    const every = this.axis.clientWidth < NARROW ? 60 : 30;
    const labels = [];
    for (let minute = -PAST; minute <= this.future; minute += 5) {
      const time = this.session.newestTime + minute * MINUTE;
      if (minuteOfDay(time) % every !== 0) continue;
      const anchor = this.hourAnchor(minute);
      const before = labels.length ? time - every * MINUTE : null;
      labels.push(label(this.percent(time), 60, axisLabel(time, before), anchor, "hour"));
    }
    return labels;
  }

  /** Labels at the ends of the axis stay inside. */
  hourAnchor(minute) {
    if (minute < -PAST + 6) return "start";
    return minute > this.future - 6 ? "end" : "middle";
  }

  /** A line at the present time, if it is visibly later than the newest frame. */
  presentTime() {
    const { now, newestTime, wanted } = this.session;
    const isVisible = now - newestTime >= FRAME_INTERVAL / 2 && this.share(now) <= 1;
    if (wanted.until || !isVisible) return [];
    return [verticalLine("now", this.percent(now), TOP - 3, BOTTOM + 3)];
  }
}

function stripes() {
  const lines = svgElement("path", { d: "M-2 10 10-2M4 16 16 4", class: "stripe" });
  const size = { width: 8, height: 8, patternUnits: "userSpaceOnUse" };
  return svgElement("pattern", { id: "stripes", ...size }, lines);
}

function verticalLine(className, x, y1, y2) {
  return svgElement("line", { class: className, x1: x, x2: x, y1, y2 });
}

function label(x, y, text, anchor, className, dx = 0) {
  return svgElement("text", { x, y, dx, "text-anchor": anchor, class: className }, text);
}
