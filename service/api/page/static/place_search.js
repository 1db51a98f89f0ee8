// Finds a place by what is typed of its name or postcode: a text field with a list of suggestions.

import { request } from "./api.js";
import { byId, element } from "./dom.js";
import { translate } from "./texts.js";
import { nameOf, placeOf } from "./towns.js";

/** A request waits so long for the next letter, in ms. */
const TYPING_MS = 120;
const MOST_SUGGESTIONS = 6;

/** A suggestion: 80331 Munich, Bayern; the state is left out where it has the same name. */
export function suggestionText(place) {
  const name = [place.postcode, nameOf(place)].filter(Boolean).join(" ");
  return !place.state || place.state === place.name ? name : `${name}, ${place.state}`;
}

export class PlaceSearch {
  /** `onChoose(place)` is called with the place that was chosen. */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.input = byId("place-search");
    this.list = byId("place-results");
    this.status = byId("place-status");
    this.places = [];
    this.active = 0;
    this.timer = null;
    this.input.addEventListener("input", () => this.schedule());
    this.input.addEventListener("keydown", (event) => this.handleKey(event));
    this.input.addEventListener("blur", () => this.close());
    // Before the field loses the focus, and with it the list.
    this.list.addEventListener("pointerdown", (event) => this.handlePress(event));
    if (this.input.value) this.schedule(); // typed while the page was loading
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.suggest(), TYPING_MS);
  }

  /** Request the places that start with what is typed. */
  async suggest() {
    clearTimeout(this.timer);
    const typed = this.input.value.trim();
    if (!typed) {
      this.close();
      return;
    }
    const query = new URLSearchParams({ q: typed, limit: MOST_SUGGESTIONS });
    let places = [];
    try {
      places = (await request(`places?${query}`)).places.map(placeOf);
    } catch (problem) {
      this.status.textContent = problem.message || translate("noAnswer");
      return;
    }
    if (this.input.value.trim() !== typed) return;
    Object.assign(this, { places, active: 0, typed });
    this.status.textContent = places.length ? "" : translate("noSuchPlace", { typed });
    this.draw();
  }

  draw() {
    const options = this.places.map((place, k) => {
      const option = element("li", { id: `place-result-${k}` }, suggestionText(place));
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", String(k === this.active));
      return option;
    });
    this.list.replaceChildren(...options);
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(options.length > 0));
    if (options.length) this.input.setAttribute("aria-activedescendant", options[this.active].id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    clearTimeout(this.timer);
    this.places = [];
    this.draw();
  }

  async handleKey(event) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && this.places.length) {
      event.preventDefault();
      this.active = (this.active + move + this.places.length) % this.places.length;
      this.draw();
    } else if (event.key === "Escape") {
      this.close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!this.places.length || this.typed !== this.input.value.trim()) await this.suggest();
      this.choose(this.places[this.active]);
    }
  }

  handlePress(event) {
    event.preventDefault();
    const k = [...this.list.children].indexOf(event.target.closest("li"));
    this.choose(this.places[k]);
  }

  choose(place) {
    if (!place) return;
    this.input.value = "";
    this.close();
    this.onChoose(place);
  }
}
