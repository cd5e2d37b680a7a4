// The query field, what it hits, and the choosers. Python reads the query; the page underlines.
import { h, say, show } from "../dom.js";
import { count } from "../numbers.js";
import { QueryField } from "../runs/query.js";

const SEED = "", SEVERAL = "\u0000"; // values of the chooser of groups
let bars = 0;

export class Bar {
  constructor(source, more) {
    this.source = source;
    this.query = new QueryField(source.head.choice?.query || "", (text) => this.#typed(text), `nbt-compare-${(bars += 1)}`);
    this.query.field.placeholder = "all runs; try lr < 0.01 and tag:baseline";
    this.hits = h("span", { class: "sub small nowrap", role: "status" });
    this.group = chooser("group by", (value) => source.choose({ group_by: value === SEED ? null : value.split(SEVERAL).filter(Boolean) }));
    this.metric = chooser("metric", (value) => source.choose({ metric: value }));
    this.statistic = chooser("at", (value) => source.choose({ statistic: value }));
    this.quiet = h("p", { class: "quiet small sub", role: "status", hidden: true });
    this.failed = h("p", { class: "failed small", role: "alert", hidden: true });
    this.row = h("div", { class: "row bar-top", "data-lm-suppress-shortcuts": "true" },
      this.query.el, this.hits, h("span", { class: "row choosers" }, this.group.el, this.metric.el, this.statistic.el, more));
    this.el = h("div", {}, this.row, this.query.said, this.failed, this.quiet);
    this.asked = (source.head.choice?.query || "").trim();
  }

  #typed(text) {
    if (text.trim() === this.asked) return;
    this.asked = text.trim();
    this.source.choose({ query: this.asked || null });
  }

  /** Puts a query into the field and asks for it. */
  set(text) {
    this.query.field.value = text;
    this.#typed(text);
  }

  draw() {
    const { choice, options, hits, all } = this.source.head;
    if (!choice) return;
    this.hits.replaceChildren(h("b", {}, count(hits)), ` of ${count(all)} runs`);
    fill(this.metric.select, options.metrics.map(({ key, label }) => [key, label || key]), choice.metric);
    fill(this.statistic.select, options.statistics.map((name) => [name, name]), choice.statistic);
    const by = choice.group_by, names = [[SEED, "all but the seed"], ...options.group_by.map((name) => [name, name])];
    if (by?.length > 1) names.push([by.join(SEVERAL), by.join(", ")]);
    if (by && !by.length) names.push([SEVERAL, "nothing"]);
    fill(this.group.select, names, by == null ? SEED : by.join(SEVERAL) || SEVERAL);
    this.say();
  }

  say() {
    const { wrong, failed, busy } = this.source;
    this.query.tell(wrong);
    show(this.failed, !!failed);
    say(this.failed, failed);
    show(this.quiet, busy);
    say(this.quiet, busy ? "The kernel is busy. This is the picture from before; the answer comes when it is free." : "");
  }

  destroy() {
    this.query.destroy();
  }
}

function chooser(label, changed) {
  const select = h("select", { "aria-label": label, onchange: () => changed(select.value) });
  return { el: h("label", { class: "field" }, label, select), select };
}

function fill(select, pairs, chosen) {
  const known = chosen == null || pairs.some(([value]) => value === chosen) ? pairs : [...pairs, [chosen, chosen]];
  const signature = JSON.stringify(known);
  if (select.dataset.nbt !== signature) {
    select.dataset.nbt = signature;
    select.replaceChildren(...known.map(([value, label]) => h("option", { value }, label)));
  }
  select.value = chosen ?? "";
}
