// Web component of one file: rain at a place in the next two hours.
//
// <script type="module" src="https://nowcast.example/embed/nowcast-place.js"></script>
// <nowcast-place lat="52.52" lon="13.41" name="Berlin" lang="en" theme="light"></nowcast-place>
//
// It reads /widget of the service that it is loaded from and stores nothing.

const SERVICE = new URL("..", import.meta.url);
const REFRESH_MS = 60_000;

const TEXTS = {
  en: {
    stale: "The radar data are out of date.",
    failed: "There is no forecast at the moment.",
    here: "Rain here",
  },
  de: {
    stale: "Die Radardaten sind veraltet.",
    failed: "Zurzeit gibt es keine Vorhersage.",
    here: "Regen hier",
  },
};

const STYLE = `
  :host { display: block; font: 15px/1.4 system-ui, sans-serif; }
  .card { padding: 0.8em 1em; border-radius: 0.5em; border: 1px solid; }
  .light { color: #1f2a37; background: #fbfaf7; border-color: #dedad3; }
  .dark { color: #dfe6ee; background: #1c232c; border-color: #45525f; }
  h2 { margin: 0 0 0.2em; font-size: 1.1em; }
  p { margin: 0.2em 0; }
  small { opacity: 0.8; }
`;

class NowcastPlace extends HTMLElement {
  static observedAttributes = ["lat", "lon", "name", "lang", "theme"];

  connectedCallback() {
    this.attachShadow({ mode: "open" });
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
    this.refresh();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  attributeChangedCallback() {
    if (!this.shadowRoot || this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      this.refresh();
    });
  }

  get language() {
    const wanted = this.getAttribute("lang") || document.documentElement.lang || "en";
    return wanted.startsWith("de") ? "de" : "en";
  }

  get theme() {
    const wanted = this.getAttribute("theme");
    if (wanted === "dark" || wanted === "light") return wanted;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  async refresh() {
    const url = new URL("widget", SERVICE);
    url.searchParams.set("lat", this.getAttribute("lat") ?? "52.52");
    url.searchParams.set("lon", this.getAttribute("lon") ?? "13.41");
    url.searchParams.set("zone", "local");
    this.requested = url.href;
    let widget = null;
    try {
      const answer = await fetch(url, { credentials: "omit" });
      if (answer.ok) widget = await answer.json();
    } catch {
      // said in the card
    }
    // an answer to what was asked before may come late
    if (this.requested === url.href) this.show(widget);
  }

  show(widget) {
    const lang = this.language;
    const texts = TEXTS[lang];
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.shadowRoot.adoptedStyleSheets = [sheet];
    const card = document.createElement("section");
    card.className = `card ${this.theme}`;
    const add = (tag, text) => {
      const part = document.createElement(tag);
      part.textContent = text;
      card.append(part);
    };
    add("h2", this.getAttribute("name") || texts.here);
    const words = lang === "de" ? widget?.text_de : widget?.text;
    add("p", words ?? texts.failed);
    if (widget?.stale) add("p", texts.stale);
    if (widget) add("small", widget.attribution);
    this.shadowRoot.replaceChildren(card);
  }
}

if (!customElements.get("nowcast-place")) customElements.define("nowcast-place", NowcastPlace);
