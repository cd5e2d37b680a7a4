// The interactive table of runs: pages of rows from Python, everything else here.
import { h, say, show } from "../dom.js";
import { count } from "../numbers.js";
import { watchTheme } from "../theme.js";
import { asking } from "./asking.js";
import { Chooser } from "./chooser.js";
import { Grid } from "./grid.js";
import { inOrder } from "./order.js";
import { QueryField } from "./query.js";
import { SHOWN, column } from "./runcells.js";
import { Talk } from "./talk.js";

const PAGE = 60, FIRST_LOOK_S = 3;
const runs = (n) => `${count(n)} ${n === 1 ? "run" : "runs"}`;

export class Table {
  #rows = new Map(); #asked = new Set(); #timer = 0; #range = [0, PAGE];

  constructor(model, el) {
    this.model = model;
    this.talk = new Talk(model, (yes) => this.#busy(yes));
    this.root = el;
    el.classList.add("nbt", "runs");
    el.setAttribute("role", "region");
    el.setAttribute("data-lm-suppress-shortcuts", "true");
    const first = model.get("first");
    this.shown = SHOWN.map((id) => (id === "SCORE" ? first.score : id)).filter(Boolean);
    this.query = new QueryField(first.query, (q) => this.#choose(q), this.talk.me);
    this.hits = h("span", { "aria-live": "polite", class: "hits" });
    this.note = h("span", { class: "sub", role: "status", hidden: true });
    this.chooser = new Chooser((ids) => this.#columns(ids));
    this.grid = new Grid({
      label: "Runs", columns: [], count: 0, rowAt: (i) => this.#rows.get(i), sort: first.sort,
      onSort: (sort) => this.#sort(sort), onSelect: () => this.#acts(), onRange: (lo, hi) => this.#page(lo, hi),
      onOpen: (row) => this.#show("open", [row.id]), keysIn: (lo, hi) => this.#keys(lo, hi),
    });
    const act = (word, what, kind = "") => h("button", { class: `btn ${kind}`, type: "button", disabled: true, onclick: what }, word);
    this.compare = act("Compare", () => this.#show("compare", [...this.grid.selected]));
    this.open = act("Open", () => this.#show("open", [...this.grid.selected]));
    this.remove = act("Delete …", () => this.#sure(), "bad");
    this.chosen = h("span", { class: "sub" });
    this.below = h("div");
    this.empty = h("p", { class: "empty", hidden: true });
    el.replaceChildren(
      ...[...el.querySelectorAll(":scope > style")],
      h("div", { class: "row tools" }, this.query.el, this.hits, this.chooser.el), this.query.said,
      this.grid.el, this.empty,
      h("div", { class: "row acts" }, this.compare, this.open, this.remove, this.chosen, h("span", { class: "push" }, this.note)), this.below);
    this.endTheme = watchTheme(el, () => {});
    this.#take(first, true);
    if (this.#needed(this.shown).length) this.#columns(this.shown); // the score's values are not in the first rows
    this.#acts();
    this.#later(FIRST_LOOK_S);
  }

  // -- what Python says ---------------------------------------------------

  #take(answer, fresh) {
    if (answer.t === "failed") return this.#tell(answer.why);
    if (answer.t !== "hits" || (this.version || 0) > answer.v) return undefined;
    if (fresh || answer.v !== this.version) {
      // rows that did not change stay the same objects, so that they are not drawn again
      const old = new Map([...this.#rows.values()].map((row) => [row.id, row]));
      this.#rows = new Map(answer.rows.map((row, i) => [answer.lo + i, same(old.get(row.id), row)]));
      this.#asked.clear();
    } else answer.rows.forEach((row, i) => this.#rows.set(answer.lo + i, same(this.#rows.get(answer.lo + i), row)));
    const redraw = this.mostSteps !== answer.most_steps;
    Object.assign(this, { version: answer.v, total: answer.total, mostSteps: answer.most_steps });
    if (answer.columns) this.#offer(answer.columns);
    this.grid.sort = answer.sort;
    this.root.dataset.nbtTotal = answer.total;
    this.root.dataset.nbtVersion = answer.v;
    const all = answer.query ? ` of ${count(answer.runs)} match` : "";
    this.hits.replaceChildren(h("b", {}, answer.query ? count(answer.total) : runs(answer.total)), h("span", { class: "sub" }, answer.query ? `${all}` : ""));
    show(this.empty, !answer.total);
    say(this.empty, answer.runs ? "No run matches." : "No runs yet: put %%track on the first line of a cell.");
    this.grid.setSource(answer.total, (i) => this.#rows.get(i));
    if (redraw) this.grid.refresh(true);
    return undefined;
  }

  #offer(offered) {
    const text = JSON.stringify(offered);
    if (text === this.offered) return;
    this.offered = text;
    this.all = offered.map((each) => column(each, this));
    this.chooser.set(this.all, this.shown);
    this.#apply();
  }

  #apply() {
    const place = (id) => this.shown.indexOf(id);
    this.grid.setColumns(this.all.filter(({ id }) => place(id) >= 0).sort((a, b) => place(a.id) - place(b.id)));
  }

  // -- what the page asks -------------------------------------------------

  #seen(more) {
    const [lo, hi] = this.#range;
    return { lo, hi: hi + 1, ...more };
  }

  async #choose(q) {
    this.wanted = q;
    this.#range = [0, PAGE];
    const answer = await this.talk.ask({ t: "query", q, lo: 0, hi: PAGE });
    if (q !== this.wanted) return; // typed on
    this.query.tell(answer.t === "wrong" ? answer : null);
    if (answer.t === "hits") this.grid.el.scrollTop = 0;
    this.#take(answer, true);
    this.root.dataset.nbtQuery = q;
  }

  async #sort(sort) {
    this.sorting = sort;
    this.#take(await this.talk.ask({ t: "sort", ...sort, lo: 0, hi: PAGE }), true);
    this.sorting = null;
  }

  #needed(ids) {
    return ids.filter((id) => !SHOWN.includes(id));
  }

  async #columns(ids) {
    this.shown = ids;
    this.#apply();
    this.#take(await this.talk.ask(this.#seen({ t: "columns", ids })), true);
    this.grid.refresh(true);
  }

  async #page(lo, hi) {
    this.#range = [lo, hi];
    const first = Math.floor(lo / PAGE), last = Math.floor(hi / PAGE);
    for (let page = first; page <= last; page += 1) {
      const from = page * PAGE, to = Math.min(this.total ?? 0, from + PAGE);
      let whole = true;
      for (let i = from; i < to; i += 1) whole &&= this.#rows.has(i);
      if (whole || this.#asked.has(page)) continue;
      this.#asked.add(page);
      this.talk.ask({ t: "page", lo: from, hi: to }).then((answer) => this.#take(answer));
    }
  }

  async #keys(lo, hi) {
    const here = Array.from({ length: hi - lo }, (_, i) => this.#rows.get(lo + i)?.id);
    if (here.every(Boolean)) return here;
    return (await this.talk.ask({ t: "ids", lo, hi })).ids || [];
  }

  #later(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), 1000 * seconds);
  }

  /** New runs, and how far the running ones are: now and then, and never while nobody looks. */
  async #look() {
    const seen = this.root.isConnected && !document.hidden && this.root.getClientRects().length;
    if (!seen || this.talk.isWaiting) return this.#later(FIRST_LOOK_S);
    const answer = await this.talk.ask(this.#seen({ t: "look" }));
    this.#take(answer, true);
    const running = [...this.#rows.values()].some((row) => row.status === "running");
    return this.#later(Math.max(answer.again_s || FIRST_LOOK_S, running ? 0 : 10));
  }

  #busy(yes) {
    this.root.dataset.nbtBusy = String(yes);
    if (!yes) return this.#tell("");
    let words = "The kernel is busy: this is what was loaded; your question is answered when its cell ends.";
    if (this.sorting) {
      const by = this.all.find(({ id }) => id === this.sorting.id), rows = [...this.#rows.values()];
      inOrder(rows, by.value, this.sorting.direction).forEach((row, i, all) => i || (this.#rows = new Map(all.map((each, at) => [at, each]))));
      this.grid.setSource(this.#rows.size, (i) => this.#rows.get(i));
      words = `The kernel is busy: the ${count(rows.length)} rows that are loaded are sorted, the rest when its cell ends.`;
    }
    return this.#tell(words);
  }

  #tell(words) {
    say(this.note, words);
    show(this.note, !!words);
  }

  // -- editing and acting -------------------------------------------------

  edit(row, index, id) {
    const was = id === "name" ? row.name : row[id].join(id === "tags" ? ", " : " ");
    let over = false;
    const finish = async (keep) => {
      if (over) return;
      over = true;
      const text = field.value.trim();
      this.grid.endEdit();
      if (!keep || text === was.trim()) return;
      const value = id === "tags" ? text.split(",").map((tag) => tag.trim()).filter(Boolean) : id === "notes" ? (text ? [text] : []) : text;
      const answer = await this.talk.ask(this.#seen({ t: "edit", id: row.id, [id]: value }));
      this.#take(answer, true);
      this.root.dataset.nbtEdited = row.id;
    };
    const hint = { name: "Name", tags: "Tags, parted by commas", notes: "Notes" }[id];
    const field = h("input", {
      type: "text", class: "nbt-field", "aria-label": `${hint} of ${row.id}`, onblur: () => finish(true),
      onkeydown: (event) => {
        if (event.key === "Enter") finish(true);
        if (event.key === "Escape") over = true; // the grid ends it
      },
    });
    field.value = was;
    this.grid.edit(index, id, field);
    field.select();
  }

  #acts() {
    const n = this.grid.selected.size;
    this.compare.disabled = n < 2;
    this.open.disabled = n !== 1;
    this.remove.disabled = !n;
    say(this.chosen, n ? `${count(n)} selected` : "Select runs to compare, open or delete them. Double click edits a name, tags or notes.");
  }

  async #sure() {
    const sure = await this.talk.ask({ t: "sure", ids: [...this.grid.selected] });
    if (sure.t !== "sure") return this.#tell(sure.why);
    return this.below.replaceChildren(asking(sure, (yes) => this.#delete(yes && sure.ids)));
  }

  async #delete(ids) {
    this.below.replaceChildren();
    this.grid.el.focus({ preventScroll: true });
    if (!ids) return;
    const answer = await this.talk.ask(this.#seen({ t: "delete", ids }));
    this.grid.select([...this.grid.selected].filter((id) => answer.kept?.[id]));
    this.#take(answer, true);
    const kept = Object.values(answer.kept || {});
    this.#tell(kept.length ? kept.join(" ") : `${runs(ids.length)} deleted.`);
  }

  async #show(what, ids) {
    const answer = await this.talk.ask({ t: "show", what, ids });
    if (answer.t !== "show") return this.#tell(answer.why);
    if (answer.model) {
      try {
        const other = await this.model.widget_manager.get_model(answer.model);
        const view = await this.model.widget_manager.create_view(other);
        const close = h("button", { class: "btn quiet", type: "button", onclick: () => this.below.replaceChildren() }, "Close");
        return this.below.replaceChildren(h("div", { class: "shown" }, h("div", { class: "row" }, h("span", { class: "push" }, close)), view.el));
      } catch {
        // a front end without that: the line of code does the same
      }
    }
    const copy = h("button", { class: "btn", type: "button", onclick: () => navigator.clipboard?.writeText(answer.code).then(() => say(copy, "Copied")) }, "Copy");
    return this.below.replaceChildren(h("div", { class: "row line" }, h("span", { class: "sub" }, "In a cell:"), h("code", {}, answer.code), copy));
  }

  destroy() {
    clearTimeout(this.#timer);
    for (const part of [this.talk, this.grid, this.query, this.chooser]) part.destroy();
    this.endTheme();
  }
}

const same = (old, row) => (old && JSON.stringify({ ...old, ago: 0 }) === JSON.stringify({ ...row, ago: 0 }) ? old : row);
