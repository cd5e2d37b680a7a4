// A table that draws only the rows on the screen, so that ten thousand scroll like ten.
//
//   const grid = new Grid({
//     label: "Runs",                 // for those who hear it
//     columns: [{
//       id: "lr", label: "lr",
//       kind: "text" | "number" | "mono" | "node",   // numbers are right-aligned and tabular
//       width: 80, grow: 1,          // pixels at least; grow: its share of the room that is left
//       value: (row) => 0.1,         // to sort by, and what is shown if there is no `text`
//       text: (row) => "0.1",        // always shown as text
//       node: (row, place) => Node,  // kind "node" only: status, tags, curves
//       title: (row) => "in full",   // on hover
//       dim: (row, above) => true,   // quiet, as a name that repeats the one above
//       hidden: false, sortable: true, pinned: false,  // pinned: stays at the left edge
//       edit: (row, index) => {},    // double click, F2 or Enter on the cell
//     }],
//     rows: [...],                   // or: count: 10000, rowAt: (index) => row or undefined (not here yet)
//     keyOf: (row) => row.id,
//     keysIn: (from, to) => [...],   // only where rowAt may lack rows: keys, or a promise of them
//     selectable: true, selected: [keys], sort: { id, direction: "descending" }, maxHeight: 420,
//     onSort(sort), onSelect(keys), onOpen(row, index), onRange(first, last), rowClass: (row) => "",
//   });
//   grid.el                          put it into the page; grid.el.remove() and grid.destroy() at the end
//   grid.setRows(rows) | grid.setSource(count, rowAt)    other rows; a row object is drawn again only
//                                    if it is another object, so make a new one when something changed
//   grid.refresh(all = false)        look again at the rows on the screen
//   grid.setColumns(columns)         the chooser of columns is chooser.js
//   grid.sort, grid.selected (a Set of keys), grid.select(keys), grid.active {row, column}
//   grid.edit(index, id, element, done)  an editor in a cell, kept while rows are drawn again
//   grid.endEdit(), grid.scrollTo(index)
//
// Without `onSort` an array of rows is sorted here; with it, the owner sorts. Keys: arrows, Home and
// End (of the row; with Ctrl: of the table), Page Up and Down, Space selects, Shift+Space and
// Shift+arrows select a range, Ctrl+A all, Enter edits, sorts (in the head) or opens the row.
import { h } from "../dom.js";
import { BOX, headOf, rowOf } from "./cells.js";
import { inOrder } from "./order.js";

const SPARE = 8; // rows drawn above and below what is seen
const ROW = 27; // pixels; as --nbt-row in grid.css
let grids = 0;

export class Grid {
  #frame = 0; #drawn = new Map(); #editing = null; #anchor = null; #asked = "";

  constructor(options) {
    this.options = { selectable: true, maxHeight: 420, keyOf: (row) => row.id, ...options };
    this.name = `nbt-grid-${(grids += 1)}`;
    this.sort = options.sort || null;
    this.selected = new Set(options.selected);
    this.active = { row: 0, column: 0 };
    this.body = h("div", { class: "g-body", role: "rowgroup" });
    this.head = h("div", { class: "g-head", role: "rowgroup" });
    this.el = h("div", {
      class: "g-scroll", role: "grid", tabindex: 0, "aria-label": options.label || "Table", "data-lm-suppress-shortcuts": "true",
      "aria-multiselectable": this.options.selectable ? "true" : null, style: `max-height:${this.options.maxHeight}px`,
      onscroll: () => this.#soon(), onkeydown: (event) => this.#key(event), onclick: (event) => this.#click(event),
      ondblclick: (event) => this.#double(event), onmousedown: (event) => event.shiftKey && this.#cellOf(event) && event.preventDefault(),
    }, this.head, this.body);
    this.observer = globalThis.ResizeObserver && new ResizeObserver(() => this.#soon());
    this.observer?.observe(this.el);
    this.setColumns(options.columns);
    if (options.rowAt) this.setSource(options.count, options.rowAt);
    else this.setRows(options.rows || []);
  }

  // -- what is shown ------------------------------------------------------

  setRows(rows) {
    this.rows = rows;
    this.#arrange();
  }

  setSource(count, rowAt) {
    this.rows = null;
    this.count = count;
    this.rowAt = rowAt;
    this.#asked = "";
    this.#fit();
  }

  setColumns(columns) {
    this.all = columns;
    this.columns = columns.filter((column) => !column.hidden);
    this.active.column = Math.max(0, Math.min(this.active.column, this.#width - 1));
    this.#layout();
    this.#drawHead();
    this.refresh(true);
  }

  refresh(all = false) {
    if (all) this.#clear();
    if (this.rowAt) this.#draw();
  }

  get lead() { return this.options.selectable ? 1 : 0; } // columns before those that were given

  get #height() {
    return this.el.clientHeight || this.options.maxHeight;
  }

  get #width() {
    return this.columns.length + this.lead;
  }

  #arrange() {
    const column = this.sort && !this.options.onSort && this.all.find(({ id }) => id === this.sort.id);
    const shown = column ? inOrder(this.rows, column.value, this.sort.direction) : this.rows;
    this.count = shown.length;
    this.rowAt = (index) => shown[index];
    this.#fit();
  }

  #fit() {
    this.el.setAttribute("aria-rowcount", this.count + 1);
    this.body.style.height = `${this.count * ROW}px`;
    this.active.row = Math.max(-1, Math.min(this.active.row, this.count - 1));
    this.#draw();
    this.#markAll();
  }

  #clear() {
    for (const drawn of this.#drawn.values()) drawn.el.remove();
    this.#drawn.clear();
  }

  #layout() {
    const widths = this.columns.map(({ width = 96, grow }) => (grow ? `minmax(${width}px, ${grow}fr)` : `${width}px`));
    if (this.options.selectable) widths.unshift(`${BOX}px`);
    if (!this.columns.some(({ grow }) => grow)) widths.push("minmax(0, 1fr)"); // lines go on to the edge
    const least = this.columns.reduce((sum, { width = 96 }) => sum + width, BOX * this.lead);
    this.el.style.setProperty("--g-columns", widths.join(" "));
    this.el.style.setProperty("--g-least", `${least}px`);
    this.el.setAttribute("aria-colcount", this.#width);
  }

  // -- drawing ------------------------------------------------------------

  #soon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const seen = Math.ceil(this.#height / ROW);
    const top = Math.floor(this.el.scrollTop / ROW);
    const first = Math.max(0, top - SPARE), last = Math.min(this.count - 1, top + seen + SPARE);
    for (const [index, { el }] of this.#drawn) {
      if (index >= first && index <= last) continue;
      if (this.#editing?.index === index && this.#editing.el.isConnected) continue; // it has the keyboard
      el.remove();
      this.#drawn.delete(index);
    }
    for (let index = first; index <= last; index += 1) this.#drawRow(index);
    this.#showActive();
    const asked = `${first}.${last}`;
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.options.onRange?.(first, last);
    }
  }

  #drawRow(index) {
    const row = this.rowAt(index), above = index ? this.rowAt(index - 1) : undefined;
    const old = this.#drawn.get(index);
    if (old && ((old.row === row && old.above === above) || this.#editing?.index === index)) return this.#mark(old);
    const key = row && this.options.keyOf(row);
    const el = rowOf(this, row, above, index);
    el.dataset.key = key ?? "";
    el.style.top = `${index * ROW}px`;
    if (old) old.el.replaceWith(el);
    else this.body.append(el);
    const drawn = { row, above, key, el };
    this.#drawn.set(index, drawn);
    return this.#mark(drawn);
  }

  #drawHead() {
    const head = headOf(this);
    this.head.replaceChildren(head);
    this.allBox = this.options.selectable ? head.firstChild.firstChild : null;
    this.#markAll();
  }

  #mark({ el, key }) {
    if (!this.options.selectable) return;
    const yes = key !== undefined && this.selected.has(key), box = el.firstChild.firstChild;
    el.setAttribute("aria-selected", String(yes));
    if (box) box.checked = yes;
  }

  #markAll() {
    if (!this.allBox) return;
    this.allBox.checked = this.count > 0 && this.selected.size >= this.count;
    this.allBox.indeterminate = this.selected.size > 0 && !this.allBox.checked;
  }

  // -- the active cell ----------------------------------------------------

  #activeId() {
    const { row, column } = this.active;
    return row < 0 ? `${this.name}-h-${column}` : `${this.name}-${row}-${column}`;
  }

  #showActive() {
    const id = this.#activeId();
    for (const old of this.el.querySelectorAll(".g-active")) if (old.id !== id) old.classList.remove("g-active");
    const cell = this.el.querySelector(`[id="${id}"]`);
    cell?.classList.add("g-active");
    if (cell) this.el.setAttribute("aria-activedescendant", id);
    else this.el.removeAttribute("aria-activedescendant");
    return cell;
  }

  #move(row, column) {
    this.active = { row: Math.max(-1, Math.min(row, this.count - 1)), column: Math.max(0, Math.min(column, this.#width - 1)) };
    this.scrollTo(this.active.row);
    this.#sideways(this.#showActive());
  }

  scrollTo(index) {
    if (index < 0) return;
    const room = this.#height - this.head.offsetHeight, top = index * ROW;
    if (top < this.el.scrollTop) this.el.scrollTop = top;
    else if (top + ROW > this.el.scrollTop + room) this.el.scrollTop = top + ROW - room;
    this.#draw();
  }

  #sideways(cell) {
    if (!cell || cell.classList.contains("g-pinned")) return;
    const edge = [...this.head.querySelectorAll(".g-pinned")].reduce((sum, pinned) => sum + pinned.offsetWidth, 0);
    const left = cell.offsetLeft, right = left + cell.offsetWidth;
    if (left - edge < this.el.scrollLeft) this.el.scrollLeft = left - edge;
    else if (right > this.el.scrollLeft + this.el.clientWidth) this.el.scrollLeft = right - this.el.clientWidth;
  }

  #key(event) {
    if (event.target !== this.el) return this.#keyInside(event);
    const { row, column } = this.active, far = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor(this.#height / ROW) - 2);
    const to = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageDown: [row + page, column], PageUp: [Math.max(row < 0 ? -1 : 0, row - page), column],
      Home: far ? [0, 0] : [row, 0], End: far ? [this.count - 1, this.#width - 1] : [row, this.#width - 1],
    }[event.key];
    if (to) {
      if (event.shiftKey && this.options.selectable && to[0] !== row) this.#extend(row, to[0]);
      this.#move(...to);
    } else if (event.key === " " && this.options.selectable) {
      if (row < 0) this.#selectAll();
      else if (event.shiftKey) this.#selectTo(row);
      else this.#toggle(row);
    } else if (event.key === "Enter" || event.key === "F2") this.#enter(event.key === "F2");
    else if (event.key.toLowerCase() === "a" && far && this.options.selectable) this.#selectAll(true);
    else return undefined;
    event.preventDefault();
    return event.stopPropagation();
  }

  #keyInside(event) {
    event.stopPropagation(); // an editor's keys are its own
    if (event.key !== "Escape" || !this.#editing) return;
    event.preventDefault();
    this.endEdit();
  }

  #enter(onlyEdit) {
    const { row, column } = this.active, what = this.columns[column - this.lead];
    if (row < 0) return what ? this.#sortBy(what) : this.#selectAll();
    const data = this.rowAt(row);
    if (!data) return undefined;
    if (what?.edit) return what.edit(data, row);
    return onlyEdit ? undefined : this.options.onOpen?.(data, row);
  }

  // -- mouse --------------------------------------------------------------

  #cellOf(event) {
    const cell = event.target.closest?.("[role=gridcell], [role=columnheader]");
    if (!cell || !this.el.contains(cell)) return null;
    const index = cell.parentElement.dataset.index;
    return { cell, row: index === undefined ? -1 : Number(index), column: Number(cell.getAttribute("aria-colindex")) - 1 };
  }

  #click(event) {
    const at = this.#cellOf(event);
    if (!at || this.#editing?.el.contains(event.target)) return;
    this.active = { row: at.row, column: at.column };
    this.#showActive();
    const isBox = this.options.selectable && at.column === 0;
    if (at.row < 0) {
      if (isBox) this.#selectAll();
      else this.#sortBy(this.columns[at.column - this.lead]);
    } else if (this.options.selectable && event.shiftKey) this.#selectTo(at.row);
    else if (isBox || ((event.ctrlKey || event.metaKey) && this.options.selectable)) this.#toggle(at.row);
    if (isBox) this.el.focus({ preventScroll: true }); // the checkbox is a picture of the selection
  }

  #double(event) {
    const at = this.#cellOf(event);
    if (!at || at.row < 0 || (this.options.selectable && at.column === 0) || this.#editing?.el.contains(event.target)) return;
    const row = this.rowAt(at.row), column = this.columns[at.column - this.lead];
    if (!row) return;
    if (column?.edit) column.edit(row, at.row);
    else this.options.onOpen?.(row, at.row);
  }

  #sortBy(column) {
    if (!column || column.sortable === false) return;
    const first = column.first || (column.kind === "number" ? "descending" : "ascending");
    const other = this.sort?.direction === "ascending" ? "descending" : "ascending";
    this.sort = { id: column.id, direction: this.sort?.id === column.id ? other : first };
    this.#drawHead();
    if (this.options.onSort) this.options.onSort(this.sort);
    else this.#arrange();
    this.#showActive();
  }

  // -- selection ----------------------------------------------------------

  select(keys) {
    this.selected = new Set(keys);
    for (const drawn of this.#drawn.values()) this.#mark(drawn);
    this.#markAll();
    this.options.onSelect?.(this.selected);
  }

  #toggle(index) {
    const row = this.rowAt(index);
    if (!row) return this.refresh();
    const key = this.options.keyOf(row), keys = new Set(this.selected);
    if (!keys.delete(key)) keys.add(key);
    this.#anchor = index;
    return this.select(keys);
  }

  #selectTo(index) {
    const from = this.#anchor ?? index;
    this.#anchor ??= index;
    return this.#add(Math.min(from, index), Math.max(from, index) + 1);
  }

  #extend(from, to) {
    this.#anchor ??= Math.max(0, from);
    this.#selectTo(Math.max(0, Math.min(to, this.count - 1)));
  }

  #selectAll(always = false) {
    if (!always && this.selected.size) return this.select([]);
    return this.#add(0, this.count);
  }

  async #add(from, to) {
    const keys = this.options.keysIn ? await this.options.keysIn(from, to) : this.#keysHere(from, to);
    this.select([...this.selected, ...keys]);
  }

  #keysHere(from, to) {
    const rows = Array.from({ length: to - from }, (_, i) => this.rowAt(from + i));
    return rows.filter(Boolean).map(this.options.keyOf);
  }

  // -- editing ------------------------------------------------------------

  edit(index, id, element, done) {
    this.endEdit();
    this.scrollTo(index);
    const cell = this.#drawn.get(index)?.el.querySelector(`[data-column="${CSS.escape(id)}"]`);
    if (!cell) return;
    this.#editing = { index, el: element, done };
    cell.classList.add("g-editing");
    cell.replaceChildren(element);
    (element.matches("input, textarea") ? element : element.querySelector("input, textarea"))?.focus();
  }

  endEdit() {
    const was = this.#editing;
    if (!was) return;
    this.#editing = null;
    const mine = was.el.contains(document.activeElement);
    this.#drawn.get(was.index)?.el.remove();
    this.#drawn.delete(was.index);
    this.#draw();
    if (mine) this.el.focus({ preventScroll: true });
    was.done?.();
  }

  /** Says in the head what is sorted by, where the owner has decided it. */
  setSort(sort) {
    this.sort = sort;
    this.#drawHead();
    if (this.rows) this.#arrange();
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.observer?.disconnect();
  }
}
