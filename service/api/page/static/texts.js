// Texts of the page in the language of the user, and numbers as that language writes them.

import { english } from "./english.js";
import { german } from "./german.js";

const languages = { en: english, de: german };
let language = "en";
const GERMANY = "germany";
/** Names {en, de} of the served area; null for Germany, whose name is a text. */
let area = null;

/** Set the language: the wanted one, or else that of the browser, or else English. Returns it. */
export function setLanguage(wanted) {
  const code = wanted ?? navigator.language.slice(0, 2);
  language = Object.hasOwn(languages, code) ? code : "en";
  return language;
}

/** Name the area that the service forecasts in each language, if it is not Germany. */
export function setArea(names) {
  area = names;
}

/** "de" or "en". */
export const currentLanguage = () => language;

/** Put the texts of the language into the document. */
export function translateDocument() {
  document.documentElement.lang = language;
  document.title = translate("title");
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = translate(node.dataset.text);
  }
  for (const node of document.querySelectorAll("[data-hint]")) {
    node.placeholder = translate(node.dataset.hint);
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", translate(node.dataset.label));
  }
}

/** The text of a key, with its {placeholders} replaced by values. */
export function translate(key, values = {}) {
  const all = { area: area?.[language] ?? languages[language][GERMANY], ...values };
  return languages[language][key].replace(/\{(\w+)\}/g, (_, name) => all[name]);
}

/** Whether there is a text with this key. */
export const hasText = (key) => Object.hasOwn(english, key);

/** A number with at most and at least so many decimals. */
export function formatNumber(value, maximumFractionDigits = 2, minimumFractionDigits = 0) {
  const digits = { maximumFractionDigits, minimumFractionDigits };
  return new Intl.NumberFormat(language, digits).format(value);
}
