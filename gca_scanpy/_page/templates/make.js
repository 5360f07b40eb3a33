// Helpers for elements and texts.

const byId = (id) => document.getElementById(id);

// An element with these properties, and texts or elements within it.
function make(tag, properties = {}, ...within) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...within);
  return made;
}

// A text in an element of its own, isolated from the direction of the text around it.
const isolated = (text) => make("bdi", { textContent: text });

// At most `length` letters, without splitting one. Only the start of a long text is read.
function shortened(text, length) {
  const letters = [...text.slice(0, 2 * length + 2).replace(/\s+/g, " ")];
  return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : letters.join("");
}

// Texts of at most `length` letters; all of them are longer if different ones would otherwise be the same.
function fitted(texts, length) {
  const short = texts.map((text) => shortened(text, length));
  const longest = Math.max(0, ...texts.map((text) => text.length));
  return length < longest && new Set(short).size < new Set(texts).size ? fitted(texts, 2 * length) : short;
}

// A circle of a color.
function swatch(color) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const circle = document.createElementNS(space, "circle");
  svg.setAttribute("class", "swatch");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of [["cx", 5], ["cy", 5], ["r", 4.5], ["fill", color]]) circle.setAttribute(name, value);
  svg.append(circle);
  return svg;
}
