// What the two groups predicted, side by side, and their confusion matrices.
import { h, say, show } from "../dom.js";
import { count, sig } from "../numbers.js";
import { segments } from "../segments.js";

const WHICH = { "they disagree": "disagree", "A wrong": "wrong_a", "B wrong": "wrong_b", all: "all" };
const ROWS = 25;

/** A small grey picture; numbers from 0 to 255. */
function image(rows) {
  const canvas = h("canvas", { width: rows[0]?.length || 1, height: rows.length || 1, class: "digit", role: "img", "aria-label": "input" });
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const data = context.createImageData(canvas.width, canvas.height);
  rows.forEach((row, y) => row.forEach((value, x) => {
    const at = 4 * (y * canvas.width + x), rgb = Array.isArray(value) ? value : [value, value, value];
    data.data.set([...rgb, 255], at);
  }));
  context.putImageData(data, 0, 0);
  return canvas;
}

function matrix(title, classes, counts) {
  const most = Math.max(1, ...counts.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const cells = (row, i) => row.map((n, j) => h("td", { class: i === j ? "right" : "", style: i === j || !n ? null : `background:color-mix(in srgb, var(--nbt-error) ${Math.round(10 + (50 * n) / most)}%, transparent)`, title: `${classes[i]} taken for ${classes[j]}: ${n}` }, n ? count(n) : "·"));
  return h("table", { class: "confusion" }, h("caption", {}, title),
    h("thead", {}, h("tr", {}, h("th", {}, "true"), classes.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, counts.map((row, i) => h("tr", {}, h("th", { scope: "row" }, classes[i]), cells(row, i)))));
}

export class Predictions {
  constructor(source) {
    this.source = source;
    this.about = h("span", { class: "sub" });
    this.split = h("select", { "aria-label": "Split", onchange: () => this.#ask({ split: this.split.value, offset: 0 }) });
    this.which = segments("Which predictions", Object.keys(WHICH), "they disagree", (name) => this.#ask({ only: WHICH[name], offset: 0 }));
    this.rows = h("div", { class: "predicted", tabindex: 0 });
    this.pages = h("p", { class: "row small" });
    this.scores = h("div", { class: "row wrap confusions" });
    this.el = h("figure", { class: "rule predictions", "data-nbt-panel": "predictions", hidden: true },
      h("div", { class: "panel-h" }, h("h3", {}, "Predictions"), this.about, h("span", { class: "push row" }, h("label", { class: "field" }, this.split), this.which)), this.rows, this.pages, this.scores);
  }

  draw() {
    this.page = this.source.payload.predictions;
    this.#paint();
  }

  async #ask(changed) {
    const { split, only, offset } = this.page;
    const answer = await this.source.ask("predictions", { split, only, offset, limit: ROWS, ...changed });
    if (answer?.page) this.page = answer.page;
    this.#paint();
  }

  #paint() {
    const { page } = this;
    show(this.el, !!page);
    if (!page) return;
    const { counts } = page;
    say(this.about, counts ? `both right ${count(counts.both_right)}, only A ${count(counts.only_a)}, only B ${count(counts.only_b)}, neither ${count(counts.both_wrong)}` : `${count(page.disagree)} of ${count(page.count)} differ`);
    this.split.replaceChildren(...page.splits.map((name) => h("option", { value: name }, name)));
    this.split.value = page.split;
    const said = (row, side) => h("td", { class: row[`${side}_ok`] === false ? "wrong" : "" }, row[side] ?? "–", row[`${side}_p`] == null ? null : h("span", { class: "sub tiny" }, ` ${sig(row[`${side}_p`], 2)}`));
    const input = ({ input: what }) => (what?.image ? image(what.image) : h("span", { class: "clip input" }, what?.text ?? ""));
    this.rows.replaceChildren(h("table", { class: "two-sides" },
      h("thead", {}, h("tr", {}, ["#", "input", "true", page.a, page.b].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, page.rows.slice(0, ROWS).map((row) => h("tr", {}, h("th", { scope: "row", class: "mono" }, String(row.index)), h("td", {}, input(row)), h("td", {}, row.truth ?? ""), said(row, "a"), said(row, "b"))))));
    const next = (text, offset, yes) => h("button", { class: "btn quiet", type: "button", disabled: !yes, onclick: () => this.#ask({ offset }) }, text);
    const end = Math.min(page.total, page.offset + ROWS);
    this.pages.replaceChildren(next("Before", Math.max(0, page.offset - ROWS), page.offset > 0), h("span", { class: "sub" }, page.total ? `${page.offset + 1} to ${end} of ${count(page.total)}` : "none"), next("Next", end, end < page.total));
    const { confusion } = page;
    this.scores.replaceChildren(...(page.scores.length ? [h("table", { class: "two-sides scores" }, h("thead", {}, h("tr", {}, ["score", page.a, page.b].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, page.scores.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name), h("td", {}, sig(one.a)), h("td", {}, sig(one.b))))))] : []),
      ...(confusion && confusion.classes.length <= 20 ? [matrix(page.a, confusion.classes, confusion.a), matrix(page.b, confusion.classes, confusion.b)] : []));
  }
}
