// A view: everything one place on the page shows of a run. It only reads what the model holds, so
// smoothing, scale and hiding never ask the kernel; zoom asks only for finer points.
import { Axis } from "./axis.js";
import { h, say, show } from "./dom.js";
import { Events } from "./events.js";
import { Findings } from "./findings.js";
import { Finer } from "./finer.js";
import { Header } from "./header.js";
import { Heat } from "./heat.js";
import { icon } from "./icons.js";
import { Layer } from "./layer.js";
import { LossPanel } from "./loss.js";
import { epochLines, lastEpoch, marksOf } from "./marks.js";
import { fullScreen } from "./menu.js";
import { count, sig } from "./numbers.js";
import { Panel } from "./panel.js";
import { keysOf, Settings } from "./settings.js";
import { watchTheme } from "./theme.js";
import { Toolbar } from "./toolbar.js";

const SPEAK_MS = 10_000; // a screen reader is told the state this often, not at 10 Hz
let views = 0;

export class View {
  #source; #dirty = false; #frame = 0; #timers = []; #unsubscribe = []; #visible = true; #shared; #finer; #extents = [0, 1]; #pinned = null;

  constructor(model, el, source) {
    this.#source = source;
    this.settings = new Settings();
    this.state = { zoom: null, cursor: null, live: true };
    this.axis = new Axis(this.settings);
    this.#finer = new Finer(source.columns, this.axis, (message) => source.send(message),
      () => (source.head.status === "running" ? 2 : 40));
    this.panels = new Map();
    this.root = h("section", { class: "nbt", role: "region", "aria-label": "Run, live" });
    el.append(this.root);
    this.settings.recall(keysOf(source.head, this.root));
    this.#shared = this.#makeShared();
    this.#parts(model);
    this.#unsubscribe.push(watchTheme(this.root, () => this.#draw()));
    this.#unsubscribe.push(source.onChange(() => this.#soon()), source.onAck((answer) => this.#acknowledged(answer)),
      source.onAnswer((content, parts) => this.#answered(content, parts)));
    this.#timers.push(setInterval(() => this.#head(), 500), setInterval(() => this.#speak(), SPEAK_MS));
    this.#watchVisible();
    this.#draw();
    requestAnimationFrame(() => { // in the page only now: its cell can be known
      if (!this.settings.recall(keysOf(source.head, this.root))) return;
      this.toolbar.recall();
      this.#draw();
    });
  }

  #parts(model) {
    this.header = new Header(model);
    this.header.again = () => this.#head();
    this.header.full.addEventListener("click", () => fullScreen(this.root));
    this.findings = new Findings((finding) => this.#show(finding));
    this.toolbar = new Toolbar(this.#shared);
    this.events = new Events((mark) => this.#goTo(mark));
    this.heat = new Heat(this.#shared, this.#source.maps, (map, row) => this.layer.choose(map, row));
    this.layer = new Layer(this.#source, this.heat, () => this.#draw());
    this.bar = h("div", { class: "bar-row", hidden: true });
    this.loss = h("div", { hidden: true });
    this.minis = h("div", { class: "minis rule", hidden: true });
    this.line = h("span", { class: "mono clip" });
    this.lines = h("span", { class: "push sub small nowrap" });
    this.text = h("pre", { class: "mono", tabindex: 0 });
    this.output = h("details", { class: "out rule", hidden: true },
      h("summary", {}, icon("down"), h("span", { class: "sub" }, "Output"), this.line, this.lines), this.text);
    this.spoken = h("output", { class: "vh", "aria-live": "polite" });
    this.root.append(this.header.el, this.findings.el, this.bar, this.loss, this.minis, this.heat.el, this.output, this.spoken);
  }

  #makeShared() {
    const { state, settings, axis } = this, source = this.#source;
    return {
      key: `nbt-live-${++views}`, state, settings, axis,
      column: (id) => this.layer?.column(id) ?? this.#finer.column(id),
      range: () => state.zoom ?? this.#extents, extent: () => this.#extents, zoomed: () => !!state.zoom,
      smoothing: () => ({ kind: settings.smoother, asked: settings.smoothing }), cursor: () => state.cursor,
      theme: () => this.root.dataset.nbtTheme, who: () => source.head, marks: () => this.#marks,
      redraw: () => this.#soon(), onCursor: (x) => this.#cursor(x), onZoom: (zoom) => this.#zoom(zoom),
      onMark: (mark) => this.#goTo(mark), point: (x) => this.#point(x),
    };
  }

  #marks = { marks: [], epochs: [], evals: [] };

  /** The marks again, where what they are made of has changed. */
  #mark() {
    const { events, findings, epochs, evals } = this.#source, { axis } = this;
    axis.epochs = epochs;
    axis.expected = this.#source.head.expected ?? {};
    const marks = marksOf({ events, findings });
    for (const mark of marks) mark.x = mark.step == null ? null : axis.of(mark.step, mark.time_s);
    this.#marks = {
      marks, epochs: epochLines(epochs).map(([step, time]) => axis.of(step, time)),
      evals: evals.map(([step, time]) => axis.of(step, time)),
    };
    const end = lastEpoch(epochs);
    this.events.update(end ? [...marks, end].sort((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity)) : marks);
  }

  /** Charts that nobody sees are not drawn; the points are kept all the same. */
  #watchVisible() {
    if (!globalThis.IntersectionObserver) return;
    const observer = new IntersectionObserver(([entry]) => {
      this.#visible = entry.isIntersecting;
      if (this.#visible && this.#dirty) this.#soon();
    });
    observer.observe(this.root);
    this.#unsubscribe.push(() => observer.disconnect());
  }

  #soon() {
    this.#dirty = true;
    this.#head();
    if (!this.#frame && this.#visible) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#dirty = false;
    this.#head();
    this.#time();
    this.#mark();
    this.#sync();
    this.toolbar.update();
    this.heat.update(this.#source.heat);
    for (const panel of this.panels.values()) panel.draw();
    // the range is that of all panels together: known only when all have looked at their points
    this.#extents = this.#extent();
    for (const panel of this.panels.values()) panel.rescale();
    this.heat.draw();
    if (this.#pinned != null) this.#point(this.#pinned);
  }

  #time() {
    let longest = null;
    for (const { series } of this.#source.panels) {
      for (const { id } of series) {
        const column = this.#source.columns.get(id);
        if (!longest || column.length > longest.length) longest = column;
      }
    }
    this.axis.timedBy(longest);
  }

  /** A panel comes with its first point and never changes its place. */
  #sync() {
    for (const spec of this.#source.panels) {
      const shown = this.layer.spec(spec), panel = this.panels.get(spec.id);
      if (panel) {
        if (panel.spec !== shown) panel.update(shown);
      } else if (spec.id === "loss") {
        this.panels.set(spec.id, new LossPanel(shown, this.#shared, { toolbar: this.toolbar, events: this.events.el }));
        this.loss.replaceWith((this.loss = this.panels.get(spec.id).el));
        show(this.bar, false);
      } else {
        this.panels.set(spec.id, new Panel(shown, this.#shared));
        this.minis.append(this.panels.get(spec.id).el);
        show(this.minis, true);
      }
    }
    if (this.panels.size && !this.panels.has("loss") && this.bar.hidden) {
      this.bar.append(h("div", { class: "row" }, this.toolbar.el), this.events.el);
      show(this.bar, true);
    }
  }

  #extent() {
    let low = Infinity, high = -Infinity;
    for (const panel of this.panels.values()) {
      const [a, b] = panel.extent();
      low = Math.min(low, a);
      high = Math.max(high, b);
    }
    if (!(high >= low)) return [0, 1];
    return high > low ? [low, high] : [low, low + 1];
  }

  #head() {
    const { head, output } = this.#source, progress = this.#source.progress();
    this.state.live = head.status === "running";
    this.header.update(head, progress);
    this.findings.update(this.#source.findings, head.more_findings ?? 0);
    this.root.setAttribute("aria-label", `Run ${head.name || head.id}, ${head.status}`);
    this.root.dataset.nbtN = String(this.#source.rows);
    this.root.dataset.nbtStatus = head.status;
    this.root.classList.toggle("erased", !!head.erased);
    show(this.output, !!output?.last);
    if (output?.last) {
      say(this.line, output.last);
      say(this.lines, `${count(output.lines)} ${output.lines === 1 ? "line" : "lines"}`);
      say(this.text, output.tail || output.last);
    }
  }

  #cursor(x) {
    if (x === this.state.cursor) return;
    this.state.cursor = x;
    if (x == null || Math.abs(x - this.#pinned) > (this.#extents[1] - this.#extents[0]) * 0.01) this.#pinned = null;
    for (const panel of this.panels.values()) panel.read(x);
    this.heat.read(x);
  }

  #point(x) {
    this.panels.values().next().value?.point(x);
    this.#cursor(x);
  }

  /** The cursor goes to a mark, and its finding opens. */
  #goTo(mark) {
    if (mark.finding >= 0) this.findings.open(mark.finding);
    if (mark.step == null) return;
    const x = this.axis.of(mark.step, mark.time_s), { zoom } = this.state;
    if (zoom && (x < zoom[0] || x > zoom[1])) this.#zoom([x - (zoom[1] - zoom[0]) / 2, x + (zoom[1] - zoom[0]) / 2]);
    this.#pinned = x;
    this.#point(x);
  }

  /** Brings the evidence of a finding into sight: rows of the heat map, or the panel of its series. */
  #show(finding) {
    const rows = this.heat.el.hidden ? [] : this.heat.rowsOf(finding);
    this.heat.mark(rows, finding.first_step);
    const keys = finding.keys ?? [];
    const panel = [...this.panels.values()].find((one) => one.spec.series.some((series) => keys.includes(series.key)))
      ?? this.panels.get(keys[0]?.split("/")[0]) ?? this.panels.get("loss");
    const el = rows.length ? this.heat.el : panel?.el;
    if (finding.first_step != null) this.#goTo({ step: finding.first_step });
    if (!el) return;
    const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    el.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    if (rows.length) return;
    el.classList.add("shown");
    setTimeout(() => el.classList.remove("shown"), 4000);
  }

  #zoom(zoom) {
    this.state.zoom = zoom;
    this.#finer.want(zoom, () => this.#source.panels.flatMap((panel) => panel.series.map((series) => series.id)));
    for (const panel of this.panels.values()) panel.rescale();
    this.toolbar.zoomed(!!zoom);
    this.heat.draw();
    this.root.dataset.nbtZoomed = String(!!zoom);
    if (!zoom) {
      delete this.root.dataset.nbtFiner;
      this.#soon();
    }
  }

  #answered(content, parts) {
    if (this.layer.take(content, parts)) return;
    if (!this.#finer.take(content, parts)) return;
    this.root.dataset.nbtFiner = String(parts.reduce((n, part) => n + part.length, 0));
    this.#soon();
  }

  #acknowledged(answer) {
    this.header.control.answered(answer);
    this.root.dataset.nbtAck = answer.ok ? answer.of : "refused";
  }

  #speak() {
    const { head } = this.#source, { step } = this.#source.progress();
    if (head.status !== "running" && this.saidEnd === head.status) return;
    this.saidEnd = head.status;
    const loss = this.panels.get("loss")?.values(null)[0];
    say(this.spoken, [`run ${head.status}`, step == null ? "" : `step ${count(step)}`, loss ? `loss ${sig(loss.now)}` : ""].filter(Boolean).join(", "));
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#finer.clear();
    this.#timers.forEach(clearInterval);
    this.#unsubscribe.forEach((end) => end());
    this.panels.forEach((panel) => panel.destroy());
    this.heat.destroy();
    this.header.destroy();
    this.root.remove();
  }
}
