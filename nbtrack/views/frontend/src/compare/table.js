// The runs as a table: the group's letter, colour and dash first; the checkbox hides a run.
import { h, show } from "../dom.js";
import { icon } from "../icons.js";
import { clock, sig } from "../numbers.js";
import { Grid } from "../runs/grid.js";
import { metricText, sample, slots, spark } from "./look.js";

const HIDE_MS = 200, CURVES_MS = 80;

const status = (row) => h("span", { class: "st" }, h("span", { class: `st-${row.v.status} st` }, icon(row.v.status)), row.v.status);
const tags = (row) => h("span", { class: "row" }, (row.v.tags || []).map((tag) => h("span", { class: "tag" }, tag)));

/** `lr 0.005 → 0.002` in bold where a parameter of the table changed; seeds and cells stay quiet. */
function changed(row) {
  const parts = row.v.changed || [];
  return h("span", { class: "chg" }, parts.flatMap((text, i) => [i ? ", " : "", /→/.test(text) && !/^seed /.test(text) ? h("b", {}, text) : text]));
}

export class Runs {
  #timer = 0; #curves = 0; #columns = "";

  constructor(source) {
    this.source = source;
    this.grid = new Grid({
      label: "Runs", columns: [], rows: [], maxHeight: 316, onSelect: (keys) => this.#selected(keys), onRange: () => this.#want(),
      rowClass: (row) => (row.note ? "left-out" : ""),
    });
    this.none = h("p", { class: "sub small none", hidden: true }, "No run answers to this query.");
    this.el = h("div", { class: "runs-table" }, this.grid.el, this.none);
    this.grid.el.addEventListener("pointerover", (event) => this.#over(event));
    this.grid.el.addEventListener("pointerleave", () => source.lift(null));
  }

  #over(event) {
    const id = event.target.closest?.("[data-key]")?.dataset.key;
    const row = id && this.rows.find((one) => one.id === id);
    this.source.lift(row ? { id, letter: row.v.group } : null);
  }

  draw() {
    const { table, head } = this.source.payload;
    if (!table) return;
    this.slots = slots(this.source.payload);
    const signature = JSON.stringify(table.columns);
    if (signature !== this.#columns) {
      this.#columns = signature;
      this.grid.setColumns(table.columns.map((column) => this.#column(column)));
      if (!this.grid.sort && head.metric) this.grid.setSort?.({ id: "metric", direction: head.metric.better === "lower" ? "ascending" : "descending" });
    }
    const names = Object.keys(table.values);
    this.rows = table.ids.map((id, i) => ({
      id, name: table.name[i], checked: table.checked[i], note: table.note[i], v: Object.fromEntries(names.map((name) => [name, table.values[name][i]])),
    }));
    this.grid.setRows(this.rows);
    this.grid.select(this.rows.filter((row) => row.checked).map((row) => row.id));
    show(this.none, !this.rows.length);
    show(this.grid.el, this.rows.length > 0);
    this.grid.el.style.height = `${Math.min(316, 30 + 27 * this.rows.length)}px`;
    this.#want();
  }

  #column({ id, label, kind }) {
    const value = (row) => row.v[id];
    const made = { id, label, value, hint: label };
    const kinds = {
      group: { kind: "node", width: 66, node: (row) => this.#group(row) },
      run: { kind: "node", width: 130, grow: 1.5, value: (row) => row.name, node: (row) => h("span", { class: "row nm" }, h("span", { class: "mono tiny" }, row.id), h("span", { class: "sub clip" }, row.name)), title: (row) => `${row.id} ${row.name}` },
      changed: { kind: "node", width: 130, grow: 2, value: (row) => (row.v.changed || []).join(", "), node: changed, title: (row) => (row.v.changed || []).join("\n") },
      number: { kind: "number", width: 74, text: (row) => (typeof value(row) === "number" ? sig(value(row)) : value(row) ?? "") },
      text: { width: 90, grow: 0.5, title: (row) => String(value(row) ?? "") },
      metric: { kind: "node", right: true, width: 132, node: (row) => this.#metric(row), title: (row) => row.note, first: this.source.head.metric?.better === "lower" ? "ascending" : "descending" },
      curve: { kind: "node", width: 96, sortable: false, node: (row) => spark(this.source.curves.get(row.id) || [], this.slots.get(row.v.group)) },
      status: { kind: "node", width: 92, node: status },
      tags: { kind: "node", width: 110, grow: 1, value: (row) => (row.v.tags || []).join(", "), node: tags, title: (row) => (row.v.tags || []).join(", ") },
      duration: { kind: "number", width: 62, text: (row) => (value(row) == null ? "" : clock(value(row))) },
    };
    const narrow = this.grid.el.clientWidth && this.grid.el.clientWidth < 860 && ["tags", "duration"].includes(kind);
    return { ...made, ...(kinds[kind] || kinds.text), hidden: narrow };
  }

  #group(row) {
    const letter = row.v.group;
    return letter && h("span", { class: "grp", draggable: "true", title: "Drag onto a letter above", ondragstart: (event) => event.dataTransfer.setData("text/plain", letter) },
      sample(this.slots.get(letter), 20), h("b", {}, letter));
  }

  #metric(row) {
    const value = metricText(row.v.metric);
    return h("span", { class: "metric" }, row.note ? h("span", { class: "sub tiny" }, row.note) : null, " ", h("b", {}, value));
  }

  #selected(keys) {
    clearTimeout(this.#timer);
    const unchecked = this.rows.filter((row) => !keys.has(row.id)).map((row) => row.id);
    if (unchecked.join() === this.rows.filter((row) => !row.checked).map((row) => row.id).join()) return; // drawn, not clicked
    this.#timer = setTimeout(() => this.source.choose({ unchecked }), HIDE_MS);
  }

  /** Curves of the rows on the screen that are not here yet. */
  #want() {
    clearTimeout(this.#curves);
    this.#curves = setTimeout(async () => {
      const ids = [...this.grid.el.querySelectorAll("[data-key]")].map((el) => el.dataset.key).filter((id) => !this.source.curves.has(id));
      if (!ids.length) return;
      const answer = await this.source.ask("curves", { ids });
      if (!answer) return;
      for (const id of ids) this.source.curves.set(id, answer.curves[id] || []);
      this.grid.refresh(true);
    }, CURVES_MS);
  }

  destroy() {
    clearTimeout(this.#timer);
    clearTimeout(this.#curves);
    this.grid.destroy();
  }
}
