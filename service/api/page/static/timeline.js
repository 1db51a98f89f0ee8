// The time axis: two hours that were measured, the border, and what is forecast; a slider over it.

import { svg } from "./svg.js";
import { clock, minuteOfDay, MINUTE, STEP, zoneName } from "./times.js";
import { say } from "./words.js";

const PAST = 120;
const NARROW = 520;
const BAND = [22, 20];

export class Timeline {
  constructor(session, player) {
    this.session = session;
    this.player = player;
    this.slider = document.getElementById("time");
    this.picture = document.querySelector("#track svg");
    this.moment = document.getElementById("moment");
    this.play = document.getElementById("play");
    this.play.addEventListener("click", () => player.toggle());
    this.slider.addEventListener("input", () => this.slide());
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.picture);
  }

  slide() {
    this.player.stop();
    this.session.move(this.session.newest + Number(this.slider.value) * MINUTE);
    this.session.move(this.session.step()?.time ?? null);
  }

  key(event) {
    const { target, key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const elsewhere = target.closest?.("select, input:not(#time), textarea");
    if (elsewhere || (key === " " && target.closest?.("button, a"))) return;
    const act = {
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.go(-1),
      ArrowRight: () => this.go(1),
      ArrowDown: target === this.slider && (() => this.go(-1)),
      ArrowUp: target === this.slider && (() => this.go(1)),
      Home: () => this.go(-Infinity),
      End: () => this.go(Infinity),
    }[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  go(by) {
    this.player.stop();
    const steps = this.session.steps();
    const at = steps.indexOf(this.session.step(steps)) + by;
    const to = steps[Math.min(Math.max(at, 0), steps.length - 1)];
    if (to) this.session.move(to.time);
  }

  /** Minutes from the newest frame to the right end. */
  get reach() {
    const steps = this.session.steps();
    const last = steps.length ? (steps.at(-1).time - this.session.newest) / MINUTE : 0;
    return Math.max(last, PAST);
  }

  /** What changes with the time shown. */
  mark() {
    const { session } = this;
    const step = session.step();
    const [time, kind] = this.moment.children;
    this.play.setAttribute("aria-label", say(this.player.playing ? "pause" : "play"));
    this.play.classList.toggle("playing", this.player.playing);
    this.slider.disabled = this.play.disabled = !step;
    document.body.classList.toggle("ahead", Boolean(step && !step.observed));
    time.textContent = step ? clock(step.time) : "–";
    kind.textContent = step ? this.words(step) : "";
    if (!step) return;
    time.title = zoneName(step.time);
    this.slider.value = String((step.time - session.newest) / MINUTE);
    this.slider.setAttribute("aria-valuetext", `${clock(step.time)}, ${this.words(step)}`);
  }

  words(step) {
    const minutes = Math.round((step.time - this.session.newest) / MINUTE);
    if (!step.observed) return `${say("forecast")} ${say("lead", { minutes })}`;
    return `${say("radar")} · ${minutes ? say("before", { minutes: -minutes }) : say("newest")}`;
  }

  /** The axis. */
  draw() {
    const { session } = this;
    this.picture.replaceChildren();
    if (!session.newest) return;
    this.slider.min = String(-PAST);
    this.slider.max = String(this.reach);
    const [top, height] = BAND;
    const at = (time) => ((time - session.newest) / MINUTE + PAST) / (PAST + this.reach);
    const percent = (time) => `${(100 * at(time)).toFixed(3)}%`;
    const border = percent(session.newest);
    const rest = `${(100 * (1 - at(session.newest))).toFixed(3)}%`;
    this.picture.append(
      svg("defs", {}, stripes()),
      svg("rect", { class: "past", x: 0, y: top, width: border, height, rx: 5 }),
      svg("rect", { class: "coming", x: border, y: top, width: rest, height, rx: 5 }),
      svg("rect", { x: border, y: top, width: rest, height, fill: "url(#ahead)", rx: 5 }),
      ...this.frames(percent),
      ...this.leads(percent),
      ...this.nothing(percent),
      svg("line", { class: "border", x1: border, x2: border, y1: 2, y2: top + height + 6 }),
      label(border, 13, say("measured"), "end", "side", -8),
      label(border, 13, say("forecast"), "start", "side ahead", 8),
      ...this.hours(percent),
      ...this.present(percent, at),
    );
    this.mark();
  }

  frames(percent) {
    const [top, height] = BAND;
    return this.session.overview.radar.times.map((text) => {
      const time = Date.parse(text);
      const x = percent(time);
      const here = this.session.frames.has(time) ? "frame" : "frame awaited";
      return svg("line", { class: here, x1: x, x2: x, y1: top + 4, y2: top + height - 4 });
    });
  }

  leads(percent) {
    const [top, height] = BAND;
    const ahead = this.session.steps().filter(({ observed }) => !observed);
    const dense = ahead.length > 8;
    return ahead.map(({ time }) =>
      svg("circle", { class: "lead", cx: percent(time), cy: top + height / 2, r: dense ? 2 : 4 }),
    );
  }

  /** Words where a forecast should be and is not. */
  nothing(percent) {
    const { session } = this;
    if (!session.lack) return [];
    const middle = percent(session.newest + (this.reach / 2) * MINUTE);
    return [label(middle, BAND[0] + BAND[1] / 2 + 4, say("noForecastAge"), "middle", "side")];
  }

  /** Whole and half hours, fewer where there is little room. */
  hours(percent) {
    const { session } = this;
    const every = this.picture.clientWidth < NARROW ? 60 : 30;
    const found = [];
    for (let minute = -PAST; minute <= this.reach; minute += 5) {
      const time = session.newest + minute * MINUTE;
      if (minuteOfDay(time) % every) continue;
      const place = minute < -PAST + 6 ? "start" : minute > this.reach - 6 ? "end" : "middle";
      found.push(label(percent(time), 60, clock(time), place, "hour"));
    }
    return found;
  }

  /** Where the clock stands, right of the newest frame by its age. */
  present(percent, at) {
    const { session } = this;
    const near = session.now - session.newest < STEP / 2;
    if (session.wanted.until || near || at(session.now) > 1) return [];
    const x = percent(session.now);
    const [top, height] = BAND;
    return [svg("line", { class: "present", x1: x, x2: x, y1: top - 3, y2: top + height + 3 })];
  }
}

function stripes() {
  const line = svg("path", { d: "M-2 10 10-2M4 16 16 4", class: "stripe" });
  return svg("pattern", { id: "ahead", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, line);
}

function label(x, y, text, anchor, kind, shift = 0) {
  return svg("text", { x, y, dx: shift, "text-anchor": anchor, class: kind }, text);
}
