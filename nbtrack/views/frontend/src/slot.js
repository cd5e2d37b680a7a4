// Where the output of a cell is a static picture in a marked place, the model finds that place and
// fills it; see nbtrack/views/runs_widget.py.
import { h } from "./dom.js";

const LOOK_MS = 150;

/** Mounts `mount(model, el)` into the marked places whenever they are in the page; returns what ends it. */
export function watchSlot(model, mount) {
  const name = model.get("slot");
  if (!name || !globalThis.MutationObserver) return () => {};
  const mounted = new Map();
  let timer = 0;
  const look = () => {
    timer = 0;
    for (const [slot, end] of mounted) if (!slot.isConnected) (end(), mounted.delete(slot));
    for (const slot of document.querySelectorAll(`[data-nbt-slot="${CSS.escape(name)}"]`)) {
      if (mounted.has(slot)) continue;
      const el = h("div");
      for (const child of slot.children) child.hidden = true; // what the saved notebook shows
      slot.append(el);
      mounted.set(slot, mount(model, el));
    }
  };
  const observer = new MutationObserver(() => (timer ||= setTimeout(look, LOOK_MS)));
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    clearTimeout(timer);
    for (const [slot, end] of mounted) {
      end(); // the kernel is gone: the static picture again
      slot.lastChild.remove();
      for (const child of slot.children) child.hidden = false;
    }
  };
}

/** The two ways in which such a widget shows itself. */
export const inSlotOrView = (mount) => () => ({
  initialize: ({ model }) => watchSlot(model, mount),
  render({ model, el }) {
    const root = h("div");
    el.append(root);
    return mount(model, root);
  },
});
