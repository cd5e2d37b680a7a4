// Code that differs, side by side or in one column, with what differs within a line marked.
import { h, say, show } from "../dom.js";
import { segments } from "../segments.js";

const KEYWORDS = /\b(False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b/;

const coloured = (text) => text.split(KEYWORDS).map((part, i) => (i % 2 ? h("span", { class: "kw" }, part) : part));

/** Rows in one column: of a block of changes all of A, then all of B. */
export function oneColumn(rows) {
  const out = [], added = [];
  const flush = () => out.push(...added.splice(0));
  for (const row of rows) {
    if (row.k === "same" || row.k === "gap") {
      flush();
      out.push(row);
      continue;
    }
    if (row.a) out.push({ k: "del", a: row.a, b: null });
    if (row.b) added.push({ k: "add", a: null, b: row.b });
  }
  flush();
  return out;
}

function line(side, sign, kind) {
  if (!side) return h("div", { class: "l gap" });
  return h("div", { class: `l ${kind}` }, h("i", {}, String(side.n)), h("em", {}, sign),
    h("span", {}, side.t.flatMap(([text, marked]) => (marked ? [h("mark", {}, text)] : coloured(text)))));
}

const left = (row) => h("div", { class: "l left" }, `${row.count} line${row.count === 1 ? "" : "s"} the same`);

export class Code {
  constructor(source) {
    this.source = source;
    this.layout = "side by side";
    this.about = h("span", { class: "sub" });
    this.cells = h("div", {});
    this.el = h("figure", { class: "code-differs", "data-nbt-panel": "code" }, h("div", { class: "panel-h" }, h("h3", {}, "Code that differs"), this.about,
      h("span", { class: "push" }, segments("Layout of the code", ["side by side", "one column"], this.layout, (name) => { this.layout = name; this.draw(); }))), this.cells);
  }

  draw() {
    const { code } = this.source.payload;
    show(this.el, !!code);
    if (!code) return;
    say(this.about, code.cells.length ? code.title : `none of ${code.num_cells} cell${code.num_cells === 1 ? "" : "s"}`);
    const wide = this.layout === "side by side";
    this.cells.replaceChildren(...code.cells.map((cell, i) => {
      const title = code.cells.length > 1 ? h("p", { class: "small cell-title" }, h("b", {}, cell.title), ` ${cell.kind}`) : null;
      const heads = i ? null : h("div", { class: `diffh${wide ? "" : " one"}` }, h("span", {}, code.a_title), h("span", {}, code.b_title));
      const rows = wide ? cell.rows.flatMap((row) => this.#pair(row)) : oneColumn(cell.rows).map((row) => this.#single(row));
      return h("div", {}, title, heads, h("div", { class: `diff${wide ? "" : " one"}`, role: "region", "aria-label": `Difference in ${cell.title}` }, rows));
    }));
  }

  #pair(row) {
    if (row.k === "gap") return [left(row), left(row)];
    if (row.k === "same") return [line(row.a, "", ""), line(row.b, "", "")];
    return [line(row.a, "−", "del"), line(row.b, "+", "add")];
  }

  #single(row) {
    if (row.k === "gap") return left(row);
    if (row.k === "same") return line(row.a, "", "");
    return row.k === "del" ? line(row.a, "−", "del") : line(row.b, "+", "add");
  }
}
