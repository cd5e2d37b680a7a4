// Canvas cannot use CSS variables: they are resolved here, and again whenever the page changes
// its theme. Lab swaps attributes of <body>, VS Code its class, Colab an attribute of <html>.

const ATTRIBUTES = [
  "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind", "class", "theme", "style",
];

/** The value of a CSS variable (or a plain colour) as seen by an element. */
export function colour(el, name) {
  return name.startsWith("--") ? getComputedStyle(el).getPropertyValue(name).trim() : name;
}

/** "dark" or "light", from what is really painted behind the element. */
export function ground(el) {
  for (let at = el.parentElement; at; at = at.parentElement) {
    const rgb = parse(getComputedStyle(at).backgroundColor);
    if (rgb) return luminance(rgb) < 0.35 ? "dark" : "light";
  }
  const said = document.body?.dataset.jpThemeLight;
  if (said) return said === "false" ? "dark" : "light";
  return globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function parse(text) {
  const numbers = (text || "").match(/[\d.]+/g)?.map(Number);
  if (!numbers || numbers.length < 3 || (numbers.length > 3 && numbers[3] < 0.5)) return null;
  return numbers;
}

const luminance = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;

/** Calls back once after each change of theme; returns the function that ends that. */
export function watchTheme(el, changed) {
  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      el.dataset.nbtTheme = ground(el);
      changed();
    });
  };
  el.dataset.nbtTheme = ground(el);
  const observer = new MutationObserver(soon);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: ATTRIBUTES });
  }
  const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  media?.addEventListener("change", soon);
  return () => {
    cancelAnimationFrame(waiting);
    observer.disconnect();
    media?.removeEventListener("change", soon);
  };
}
