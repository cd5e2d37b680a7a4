// The dialog before runs are deleted: what goes, what stays, and who leans on it.
import { h } from "../dom.js";

const NAMED = 6;
const runs = (n) => (n === 1 ? "1 run" : `${n} runs`);

/** `sure`: Python's answer {ids, names, leaning: {id: [ids]}}; `decide(true)` deletes. */
export function asking(sure, decide) {
  const { ids, names, leaning } = sure, n = ids.length;
  const some = ids.slice(0, NAMED).map((id, i) => `${names[i]} (${id})`).join(", ") + (n > NAMED ? ` and ${n - NAMED} more` : "");
  const warned = Object.entries(leaning).map(([id, others]) =>
    h("p", {}, h("b", {}, others.join(", ")), `${others.length === 1 ? " repeats or goes on from " : " repeat or go on from "}${id}, and ${others.length === 1 ? "has" : "have"} nothing to be held against then.`));
  const keep = h("button", { class: "btn", type: "button", onclick: () => decide(false) }, "Keep");
  const box = h("div", {
    class: "ask", role: "alertdialog", "aria-label": `Delete ${runs(n)}?`, "data-lm-suppress-shortcuts": "true",
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Escape") decide(false);
    },
  },
    h("p", {}, "Delete ", h("b", {}, some), "?"),
    h("p", { class: "sub" }, `The ${n === 1 ? "folder" : "folders"} with points, outputs, code and edits ${n === 1 ? "goes" : "go"} for good. What was saved in blobs (weights, data) stays.`),
    warned, h("div", { class: "row" }, h("button", { class: "btn bad", type: "button", onclick: () => decide(true) }, `Delete ${runs(n)}`), keep));
  queueMicrotask(() => keep.focus({ preventScroll: true }));
  return box;
}
