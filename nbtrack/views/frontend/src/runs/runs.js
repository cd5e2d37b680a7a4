// The widget of the table of runs. It shows itself in two ways: where the page makes a view of it,
// and in the place that the static table in the output marks, see nbtrack/views/runs_widget.py.
import { h } from "../dom.js";
import liveCss from "../live.css";
import tokensCss from "../tokens.css";
import gridCss from "./grid.css";
import runsCss from "./runs.css";
import { Table } from "./table.js";

const LOOK_MS = 150;

function mount(model, el) {
  el.append(h("style", {}, tokensCss, liveCss, gridCss, runsCss));
  const table = new Table(model, el);
  return () => table.destroy();
}

/** Puts the table into its marked place whenever that is in the page; returns what ends it. */
function watchSlot(model) {
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
      end(); // the kernel is gone: the static table again
      slot.lastChild.remove();
      for (const child of slot.children) child.hidden = false;
    }
  };
}

export default () => ({
  initialize: ({ model }) => watchSlot(model),
  render({ model, el }) {
    const root = h("div");
    el.append(root);
    return mount(model, root);
  },
});
