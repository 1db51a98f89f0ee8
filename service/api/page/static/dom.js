// Finds and creates elements. SVG elements get attributes only, because the content security policy
// of the page forbids inline styles.

export const byId = (id) => document.getElementById(id);

/** Create an HTML element with properties and children. */
export function element(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

/** Create an SVG element with attributes and children. */
export function svgElement(name, attributes = {}, ...children) {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}
