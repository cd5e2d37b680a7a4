// What differs between A and B: parameters, environment, data; and what is the same.
import { h, say, show } from "../dom.js";
import { sample, slots } from "./look.js";

const more = (n) => (n ? h("span", { class: "sub" }, ` and ${n} more`) : null);

export class Differ {
  constructor(source) {
    this.source = source;
    this.title = h("h3", {}, "Parameters that differ");
    this.count = h("span", { class: "push sub" });
    this.tables = h("div", {});
    this.same = h("p", { class: "sub tiny same" });
    this.el = h("figure", { class: "pd", "data-nbt-panel": "differ" }, h("div", { class: "panel-h" }, this.title, this.count), this.tables, this.same);
  }

  draw() {
    const { differ } = this.source.payload;
    show(this.el, !!differ);
    if (!differ) return;
    say(this.count, `${differ.params.length} of ${differ.num_params}`);
    const known = slots(this.source.payload);
    const head = (side) => h("th", { scope: "col" }, h("span", { class: "grp" }, sample(known.get(differ[side])), differ[side]));
    const table = (rows, caption) => h("table", { class: "two-sides" }, caption ? h("caption", {}, caption) : null,
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "name"), head("a"), head("b"))),
      h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row", class: "mono" }, row.name),
        h("td", { class: "mono" }, row.a ?? "–", more(row.a_more)), h("td", { class: "mono" }, h("b", {}, row.b ?? "–"), more(row.b_more))))));
    const parts = [differ.params.length ? table(differ.params) : h("p", { class: "sub small" }, "All parameters are equal.")];
    if (differ.environment.length) parts.push(table(differ.environment, "Environment that differs"));
    if (differ.data.length) parts.push(table(differ.data, "Data that differ"));
    this.tables.replaceChildren(...parts);
    say(this.same, differ.same || "");
  }
}
