// One comparison in one place of a page.
import { h } from "../dom.js";
import { cell, save } from "../download.js";
import { fullScreen, menu } from "../menu.js";
import { watchTheme } from "../theme.js";
import { Bar } from "./bar.js";
import { Code } from "./code.js";
import { Differ } from "./differ.js";
import { Overlay } from "./overlay.js";
import { Parallel } from "./parallel.js";
import { Predictions } from "./predictions.js";
import { Source } from "./source.js";
import { Runs } from "./table.js";
import { Verdict } from "./verdict.js";

export class View {
  #frame = 0;

  constructor(model, el) {
    this.source = new Source(model);
    const { source } = this;
    this.root = h("section", { class: "nbt compare", role: "region", "aria-label": "Comparison of runs" });
    el.append(this.root);
    this.endTheme = watchTheme(this.root, () => this.#repaint());
    this.menu = menu("the comparison", () => [
      { text: "Download table as CSV", act: () => save("comparison.csv", new Blob([tableCsv(source.payload)], { type: "text/csv" })) },
      { text: "All runs of the store", act: () => this.bar.set("") },
      { text: "Full screen", act: () => fullScreen(this.root) },
    ]);
    this.bar = new Bar(source, this.menu.el);
    this.verdict = new Verdict(source);
    this.runs = new Runs(source);
    this.overlay = new Overlay(source, () => this.root.dataset.nbtTheme);
    this.parallel = new Parallel(source, (query) => this.bar.set(query));
    this.differ = new Differ(source);
    this.code = new Code(source);
    this.predictions = new Predictions(source);
    this.parts = [this.bar, this.verdict, this.runs, this.overlay, this.parallel, this.differ, this.code, this.predictions];
    this.root.append(this.bar.el, this.verdict.el, this.runs.el, h("div", { class: "two" }, this.overlay.el, this.parallel.el),
      h("div", { class: "two dd rule" }, this.differ.el, this.code.el), this.predictions.el);
    source.onChange((what) => this.#told(what));
    this.#draw();
  }

  #told(what) {
    if (what === "payload") this.#draw();
    else if (what === "lift") this.#repaint();
    else {
      this.bar.say();
      this.root.dataset.nbtBusy = this.source.busy;
    }
  }

  /** A part that fails says so in its place; the others are drawn. */
  #draw() {
    for (const part of this.parts) {
      try {
        part.draw();
      } catch (error) {
        console.warn("nbtrack: a part of the comparison could not be drawn", error);
      }
    }
    this.root.dataset.nbtHits = this.source.head.hits ?? 0;
    this.root.dataset.nbtPair = `${this.source.payload.differ?.a ?? ""}${this.source.payload.differ?.b ?? ""}`;
    this.root.setAttribute("aria-label", `Comparison of ${this.source.head.title || "runs"}`);
  }

  #repaint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.overlay.paint();
      this.parallel.paint();
    });
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.endTheme();
    this.parts.forEach((part) => part.destroy?.());
    this.menu.close(false);
    this.source.destroy();
    this.root.remove();
  }
}

/** The table as it was sent, without curves. */
export function tableCsv({ table }) {
  const columns = table.columns.filter(({ id }) => id in table.values);
  const words = (value) => (Array.isArray(value) ? value.join("; ") : value ?? "");
  const rows = table.ids.map((id, i) => [id, table.name[i], ...columns.map((column) => words(table.values[column.id][i])), table.note[i] ?? ""].map(cell).join(","));
  return `${[["id", "name", ...columns.map((column) => column.label), "note"].map(cell).join(","), ...rows].join("\n")}\n`;
}
