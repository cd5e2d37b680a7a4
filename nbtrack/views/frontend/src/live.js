// The widget: one store of points per model, any number of views of it.
import uplotCss from "uplot/dist/uPlot.min.css";
import { Columns } from "./columns.js";
import { h } from "./dom.js";
import liveCss from "./live.css";
import tokensCss from "./tokens.css";
import { View } from "./view.js";

const SYNC_MS = 1500; // how long to wait before asking again for what was missed

/** What a page knows of one run. Messages go in, views are told that something changed. */
export class Source {
  #changed = new Set(); #acked = new Set(); #model; #asked = -Infinity;

  constructor(model) {
    this.#model = model;
    this.me = Math.random().toString(36).slice(2, 10);
    this.columns = new Columns();
    this.head = model.get("head") || {};
    this.panels = model.get("panels") || [];
    this.output = model.get("output") || {};
    this.facts = { step: null, elapsed: 0, rate: null };
    this.heardAt = performance.now();
    this.#take(this.head);
    this.end = this.#listen();
    if (this.panels.length) this.ask(); // a run that has points already
  }

  #listen() {
    const message = (content, buffers) => this.receive(content, buffers);
    const head = () => this.#head(this.#model.get("head") || {});
    const panels = () => this.#set(this.#model.get("panels") || []);
    const output = () => {
      this.output = this.#model.get("output") || {};
      this.#tell();
    };
    this.#model.on("msg:custom", message);
    this.#model.on("change:output", output);
    this.#model.on("change:head", head);
    this.#model.on("change:panels", panels);
    return () => {
      this.#model.off("msg:custom", message);
      this.#model.off("change:head", head);
      this.#model.off("change:output", output);
      this.#model.off("change:panels", panels);
    };
  }

  receive(content, buffers) {
    if (content.to && content.to !== this.me) return; // an answer to another page
    this.#take(content);
    if (content.t === "ack") this.#acked.forEach((tell) => tell(content));
    if ((content.t === "rows" || content.t === "snap") && buffers?.length) {
      if (this.columns.receive(content, buffers[0])) this.ask();
    }
    this.#tell();
  }

  #head(head) {
    this.head = head;
    this.#take(head);
    this.#tell();
  }

  #set(panels) {
    // the same object where nothing changed, so that a view sees at once what is new
    const old = new Map(this.panels.map((panel) => [panel.id, panel]));
    this.panels = panels.map((panel) => {
      const before = old.get(panel.id);
      return before && JSON.stringify(before) === JSON.stringify(panel) ? before : panel;
    });
    this.#tell();
  }

  /** Points logged to what is shown here. */
  get rows() {
    let total = 0;
    for (const panel of this.panels) for (const series of panel.series) total += this.columns.get(series.id).rows;
    return total;
  }

  #take({ step, elapsed, rate }) {
    if (elapsed == null || elapsed < this.facts.elapsed) return;
    this.facts = { step: step ?? this.facts.step, elapsed, rate: rate ?? this.facts.rate };
    this.heardAt = performance.now();
  }

  /** Time goes on between two messages while the run does. */
  progress() {
    const on = this.head.status === "running" ? (performance.now() - this.heardAt) / 1000 : 0;
    return { ...this.facts, elapsed: this.facts.elapsed + on };
  }

  /** Asks for full pictures; where the kernel cannot hear, they come by turns anyway. */
  ask() {
    const now = performance.now();
    if (now - this.#asked < SYNC_MS) return;
    this.#asked = now;
    this.#model.send({ t: "sync", me: this.me });
  }

  onChange(tell) {
    this.#changed.add(tell);
    return () => this.#changed.delete(tell);
  }

  onAck(tell) {
    this.#acked.add(tell);
    return () => this.#acked.delete(tell);
  }

  #tell() {
    this.#changed.forEach((tell) => tell());
  }
}

/** anywidget calls this once per model, so views of one model share their points. */
export default () => {
  let source = null;
  return {
    initialize({ model }) {
      source = new Source(model);
      return () => source.end();
    },
    render({ model, el }) {
      el.append(h("style", {}, uplotCss, tokensCss, liveCss));
      const view = new View(model, el, source);
      return () => view.destroy();
    },
  };
};
