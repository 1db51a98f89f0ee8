// The page /embed: a place card whose attributes are the parameters of the URL.

const parameters = new URLSearchParams(location.search);
const card = document.querySelector("nowcast-place");
for (const name of ["lat", "lon", "name", "lang", "theme"]) {
  if (parameters.has(name)) card.setAttribute(name, parameters.get(name));
}
document.documentElement.lang = card.language;
