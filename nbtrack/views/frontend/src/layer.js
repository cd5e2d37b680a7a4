// One layer's own series, drawn in place of the panel of all of them when its row is chosen.
import { Column } from "./columns.js";
import { decode } from "./heat.js";

export class Layer {
  #source; #heat; #redraw; #asked = 0; #chosen = null; #specs = new Map(); #columns = new Map();

  constructor(source, heat, redraw) {
    this.#source = source;
    this.#heat = heat;
    this.#redraw = redraw;
  }

  /** A row of the heat map; null: all layers together again. */
  choose(map, r) {
    const row = r == null ? null : this.#heat.spec.rows[r];
    this.#chosen = row ? { map, r, row } : null;
    this.#specs.clear();
    this.#columns.clear();
    this.#asked += 1;
    if (row) {
      const keys = (row.names ?? []).slice(0, 8).map((name) => `${map}/${name}`);
      this.#coarse(keys[0] ?? row.label);
      this.#source.send({ t: "range", n: this.#asked, for: "row", x: "step", lo: null, hi: null, k: [], keys });
    }
    this.#redraw();
  }

  /** Until the answer comes (it may not, while a cell runs): the row as the heat map has it. */
  #coarse(key) {
    const { map, r } = this.#chosen, held = this.#source.maps.held.get(map);
    if (!held) return;
    const column = new Column(), chunk = { length: held.cols, steps: [], times: [], values: [] };
    for (let c = 0; c < held.cols; c++) {
      const value = decode(held.highs[r * held.cols + c]);
      chunk.steps.push(held.first + c * held.per);
      chunk.times.push(0);
      chunk.values.push(value === -Infinity ? 0 : value === Infinity ? NaN : 10 ** value);
    }
    column.push(chunk, 0);
    this.#columns.set(`row:${key}`, column);
  }

  /** Takes an answer that is for a row; false if it is not. */
  take(content, parts) {
    if (content.re !== this.#asked || !parts.some((part) => typeof part.id === "string")) return false;
    this.#columns.clear();
    for (const part of parts) {
      if (!part.length) continue;
      const column = new Column();
      column.push(part, 0);
      this.#columns.set(`row:${part.id}`, column);
    }
    this.#specs.clear();
    this.#redraw();
    return true;
  }

  /** What the panel of a map shows: the layer, if one of its rows is chosen. */
  spec(spec) {
    if (this.#chosen?.map !== spec.id || !this.#columns.size) return spec;
    let made = this.#specs.get(spec.id);
    if (!made) {
      const { row, map } = this.#chosen;
      const series = [...this.#columns.keys()].map((id) => ({ id, key: id.slice(4), label: id.slice(5 + map.length) }));
      made = { ...spec, title: row.label, about: `${spec.title} of ${row.label}; click its row again to go back`, more: 0, series };
      this.#specs.set(spec.id, made);
    }
    return made;
  }

  column(id) {
    return this.#columns.get(id);
  }
}
