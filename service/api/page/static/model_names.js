// Names of models for people who do not know them, and what they are.

import { hasText, translate } from "./texts.js";

const capitalised = (name) => name[0].toUpperCase() + name.slice(1);

/** Plain name of a model; of a model that the page does not know, its own. */
export function modelLabel(name) {
  const key = `model${capitalised(name)}`;
  return hasText(key) ? translate(key) : name;
}

/** What a model is, in a sentence; empty for a model that the page does not know. */
export function aboutModel(name) {
  const key = `about${capitalised(name)}`;
  return hasText(key) ? translate(key) : "";
}
