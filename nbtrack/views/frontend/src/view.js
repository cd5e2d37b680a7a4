// A view: everything one place on the page shows of a run. It only reads what the model holds, so
// zoom, smoothing, scale and hiding never ask the kernel.
import { h, say, show } from "./dom.js";
import { Header } from "./header.js";
import { icon } from "./icons.js";
import { LossPanel } from "./loss.js";
import { count, sig } from "./numbers.js";
import { Panel } from "./panel.js";
import { watchTheme } from "./theme.js";

const SPEAK_MS = 10_000; // a screen reader is told the state this often, not at 10 Hz
let views = 0;

export class View {
  #el; #source; #dirty = false; #frame = 0; #timers = []; #unsubscribe = []; #visible = true;

  constructor(model, el, source) {
    this.#source = source; // {columns, head, panels, progress(), onChange(fn), onAck(fn)}
    this.#el = el;
    this.state = { smoothing: 0.9, xmode: "step", zoom: null, cursor: null, live: true };
    this.panels = new Map();
    this.header = new Header(model);
    this.header.again = () => this.#head();
    this.loss = h("div", { hidden: true });
    this.minis = h("div", { class: "minis rule", hidden: true });
    this.line = h("span", { class: "mono clip" });
    this.lines = h("span", { class: "push sub small nowrap" });
    this.text = h("pre", { class: "mono", tabindex: 0 });
    this.output = h("details", { class: "out rule", hidden: true },
      h("summary", {}, icon("down"), h("span", { class: "sub" }, "Output"), this.line, this.lines), this.text);
    this.spoken = h("output", { class: "vh", "aria-live": "polite" });
    this.root = h("section", { class: "nbt", role: "region", "aria-label": "Run, live" },
      this.header.el, this.loss, this.minis, this.output, this.spoken);
    el.append(this.root);
    this.#shared = this.#makeShared();
    this.#unsubscribe.push(watchTheme(this.root, () => this.#draw()));
    this.#unsubscribe.push(source.onChange(() => this.#soon()), source.onAck((answer) => this.#acknowledged(answer)));
    this.#timers.push(setInterval(() => this.#head(), 500), setInterval(() => this.#speak(), SPEAK_MS));
    this.#watchVisible();
    this.#draw();
  }

  #shared;

  #makeShared() {
    const { state } = this;
    return {
      key: `nbt-live-${++views}`, state, columns: this.#source.columns,
      range: () => state.zoom ?? this.#extent(),
      xmode: () => state.xmode, smoothing: () => state.smoothing, cursor: () => state.cursor,
      theme: () => this.root.dataset.nbtTheme,
      redraw: () => this.#draw(),
      onCursor: (x) => this.#cursor(x),
      onZoom: (zoom) => this.#zoom(zoom),
    };
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
    this.#sync();
    for (const panel of this.panels.values()) panel.draw();
    // the range is that of all panels together: known only when all have looked at their points
    for (const panel of this.panels.values()) panel.rescale();
  }

  /** A panel comes with its first point and never changes its place. */
  #sync() {
    for (const spec of this.#source.panels) {
      const panel = this.panels.get(spec.id);
      if (panel) {
        if (panel.spec !== spec) panel.update(spec);
      } else if (spec.id === "loss") {
        this.panels.set(spec.id, new LossPanel(spec, this.#shared));
        this.loss.replaceWith((this.loss = this.panels.get(spec.id).el));
      } else {
        this.panels.set(spec.id, new Panel(spec, this.#shared));
        this.minis.append(this.panels.get(spec.id).el);
        show(this.minis, true);
      }
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
    const { head } = this.#source;
    const progress = this.#source.progress();
    this.state.live = head.status === "running";
    this.header.update(head, progress);
    this.root.setAttribute("aria-label", `Run ${head.name || head.id}, ${head.status}`);
    this.root.dataset.nbtN = String(this.#source.rows);
    this.root.dataset.nbtStatus = head.status;
    this.root.classList.toggle("erased", !!head.erased);
    const { output } = this.#source;
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
    for (const panel of this.panels.values()) panel.read(x);
  }

  #zoom(zoom) {
    this.state.zoom = zoom;
    for (const panel of this.panels.values()) {
      panel.rescale();
      panel.zoomed?.(!!zoom);
    }
    this.root.dataset.nbtZoomed = String(!!zoom);
  }

  #acknowledged(answer) {
    if (answer.ok) this.header.acknowledged();
    else this.header.refused();
    this.root.dataset.nbtAck = answer.ok ? "stop" : "refused";
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
    this.#timers.forEach(clearInterval);
    this.#unsubscribe.forEach((end) => end());
    this.panels.forEach((panel) => panel.destroy());
    this.header.destroy();
    this.root.remove();
  }
}
