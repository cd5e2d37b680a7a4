// What a page knows of one run. Messages go in, views are told that something changed.
import { Columns, unpack } from "./columns.js";
import { Maps } from "./heat.js";

const SYNC_MS = 1500; // how long to wait before asking again for what was missed
const PROGRESS = ["rate", "epoch", "left", "lr"];
const TRAITS = { head: {}, panels: [], output: {}, events: [], findings: [], epochs: [], evals: [], heat: {}, more: {} };

export class Source {
  #changed = new Set(); #acked = new Set(); #answered = new Set(); #model; #asked = -Infinity;

  constructor(model) {
    this.#model = model;
    this.me = Math.random().toString(36).slice(2, 10);
    this.columns = new Columns();
    this.maps = new Maps();
    this.facts = { step: null, elapsed: 0, rate: null };
    this.heardAt = performance.now();
    for (const name of Object.keys(TRAITS)) this[name] = this.#trait(name);
    this.#take(this.head);
    this.end = this.#listen();
    if (this.panels.length) this.ask(); // a run that has points already
  }

  #trait(name) {
    return this.#model.get(name) || TRAITS[name];
  }

  #listen() {
    const listeners = { "msg:custom": (content, buffers) => this.receive(content, buffers) };
    for (const name of Object.keys(TRAITS)) {
      listeners[`change:${name}`] = () => {
        if (name === "panels") this.#setPanels();
        else this[name] = this.#trait(name);
        if (name === "head") this.#take(this.head);
        this.#tell();
      };
    }
    for (const [name, f] of Object.entries(listeners)) this.#model.on(name, f);
    return () => Object.entries(listeners).forEach(([name, f]) => this.#model.off(name, f));
  }

  receive(content, buffers) {
    if (content.to && content.to !== this.me) return; // an answer to another page
    this.#take(content);
    const [buffer] = buffers ?? [];
    if (content.t === "ack") this.#acked.forEach((tell) => tell(content));
    else if (content.t === "range") this.#answered.forEach((tell) => tell(content, buffer ? unpack(content, buffer) : []));
    else if (content.t === "heat" && buffer) this.maps.receive(content, buffer);
    else if ((content.t === "rows" || content.t === "snap") && buffer) {
      if (this.columns.receive(content, buffer)) this.ask();
    }
    this.#tell();
  }

  #setPanels() {
    // the same object where nothing changed, so that a view sees at once what is new
    const old = new Map(this.panels.map((panel) => [panel.id, panel]));
    this.panels = this.#trait("panels").map((panel) => {
      const before = old.get(panel.id);
      return before && JSON.stringify(before) === JSON.stringify(panel) ? before : panel;
    });
  }

  /** Points logged to what is shown here. */
  get rows() {
    let total = 0;
    for (const panel of this.panels) for (const series of panel.series) total += this.columns.get(series.id).rows;
    return total;
  }

  #take(news) {
    if (news.elapsed == null || news.elapsed < this.facts.elapsed) return;
    const facts = { ...this.facts, step: news.step ?? this.facts.step, elapsed: news.elapsed };
    for (const name of PROGRESS) if (news[name] !== undefined) facts[name] = news[name] ?? (name === "left" ? null : facts[name]);
    this.facts = facts;
    this.heardAt = performance.now();
  }

  /** Time goes on between two messages while the run does. */
  progress() {
    const on = this.head.status === "running" ? (performance.now() - this.heardAt) / 1000 : 0;
    const { left } = this.facts;
    return { ...this.facts, elapsed: this.facts.elapsed + on, left: left == null ? left : Math.max(0, left - on) };
  }

  send(message) {
    this.#model.send({ me: this.me, ...message });
  }

  /** Asks for full pictures; where the kernel cannot hear, they come by turns anyway. */
  ask() {
    const now = performance.now();
    if (now - this.#asked < SYNC_MS) return;
    this.#asked = now;
    this.#model.send({ t: "sync", me: this.me });
  }

  onChange(tell) {
    return joined(this.#changed, tell);
  }

  onAck(tell) {
    return joined(this.#acked, tell);
  }

  /** Answers with finer points: `tell(content, parts)`. */
  onAnswer(tell) {
    return joined(this.#answered, tell);
  }

  #tell() {
    this.#changed.forEach((tell) => tell());
  }
}

function joined(set, tell) {
  set.add(tell);
  return () => set.delete(tell);
}
