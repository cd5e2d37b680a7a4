// The only way this widget makes elements: text goes in as text, so a key named
// `<img onerror=...>` is shown and never parsed.

/** An HTML element. Attributes whose value is null or false are left out; `on*` are listeners. */
export function h(tag, attrs = {}, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

/** An SVG element. */
export function s(tag, attrs = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, children);
}

function fill(el, attrs, children) {
  for (const [name, value] of Object.entries(attrs)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  el.append(...children.flat().filter((child) => child != null && child !== false));
  return el;
}

/** Sets the text of an element, and touches the page only if it differs. */
export function say(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** Shows or hides an element. */
export function show(el, yes) {
  if (el.hidden === !!yes) el.hidden = !yes;
}
