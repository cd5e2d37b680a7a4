// What a person has chosen in a view, kept for the next run of the same cell.
//
// Re-running a cell makes a new run with a new view: smoothing, axes and hidden series should be as
// they were left, the zoom should not (the new run is short at first). Kept per page, under the
// run's name and under the place of the cell, so that either alone is enough to find it again.

const FRESH = { smoothing: 0.9, smoother: "exp", xmode: "step", scales: {}, hidden: {}, heat: null, layer: null };
const held = new Map(); // survives where sessionStorage may not be used
const PREFIX = "nbtrack:live:";

/** The names under which the choices of a view are kept, the likeliest first. */
export function keysOf(head, el, path = globalThis.location?.pathname ?? "") {
  const keys = [];
  if (head.name && head.name !== head.id) keys.push(`${path}|name|${head.name}`);
  const cell = el?.closest?.(".jp-Cell, .cell, .code_cell");
  const among = cell?.parentElement ? [...cell.parentElement.children].indexOf(cell) : -1;
  if (among >= 0) keys.push(`${path}|cell|${among}`);
  return keys;
}

export class Settings {
  #keys = [];

  constructor() {
    Object.assign(this, structuredClone(FRESH));
  }

  /** Takes what was kept under the first of the keys that is known. */
  recall(keys) {
    this.#keys = keys;
    for (const key of keys) {
      const kept = held.get(key) ?? stored(key);
      if (!kept) continue;
      for (const name of Object.keys(FRESH)) if (sameKind(kept[name], FRESH[name])) this[name] = structuredClone(kept[name]);
      return true;
    }
    return false;
  }

  save() {
    const value = Object.fromEntries(Object.keys(FRESH).map((name) => [name, this[name]]));
    for (const key of this.#keys) {
      held.set(key, structuredClone(value));
      try {
        globalThis.sessionStorage?.setItem(PREFIX + key, JSON.stringify(value));
      } catch { /* no room, or not allowed in this frame: the map has it */ }
    }
  }

  isHidden(panel, key) {
    return !!this.hidden[panel]?.includes(key);
  }

  /** Hides a series or shows it again. */
  toggle(panel, key) {
    const now = this.hidden[panel] ?? [];
    this.hidden[panel] = now.includes(key) ? now.filter((other) => other !== key) : [...now, key];
    this.save();
  }

  /** Only this one; again: all. */
  only(panel, key, all) {
    const others = all.filter((other) => other !== key);
    const alone = others.every((other) => this.isHidden(panel, other)) && !this.isHidden(panel, key);
    this.hidden[panel] = alone ? [] : others;
    this.save();
  }
}

function stored(key) {
  try {
    return JSON.parse(globalThis.sessionStorage?.getItem(PREFIX + key) ?? "null");
  } catch {
    return null;
  }
}

const sameKind = (value, like) =>
  value !== undefined && (like === null || (typeof value === typeof like && value !== null));
