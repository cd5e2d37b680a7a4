// The curves over each other: mean and range of each group, or every run; names at the ends.
import { Axis } from "../axis.js";
import { Chart } from "../chart.js";
import { h, say, show } from "../dom.js";
import { cell, fileName, picture, png, save, svgText } from "../download.js";
import { fullScreen, menu } from "../menu.js";
import { segments } from "../segments.js";
import { valueTable } from "../values.js";
import { look, slots } from "./look.js";

const HEIGHT = 236, NAME = 15; // pixels; of a name at a line's end
let charts = 0;

/** Low and high of what is drawn without a steep start: from the 15th in 100, where that is far above the lowest. */
export function settled(columns, better) {
  const all = columns.flat().filter((v) => v != null).sort((a, b) => a - b);
  if (all.length < 8) return null;
  const low = all[0], high = all.at(-1), at = all[Math.floor(0.15 * all.length)], top = all[Math.floor(0.85 * all.length)];
  const air = (wide) => wide * 0.06;
  if (better === "lower") return high - top > 0.5 * (high - low) ? [low - air(top - low), top] : null;
  return at - low > 0.5 * (high - low) ? [at, high + air(high - at)] : null;
}

/** Places of names, none over another, as near to where they belong as that lets them. */
export function spread(places, apart, low, high) {
  const order = places.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  order.forEach((one, k) => k && (one.y = Math.max(one.y, order[k - 1].y + apart)));
  let limit = high;
  for (const one of order.reverse()) {
    one.y = Math.max(low, Math.min(one.y, limit));
    limit = one.y - apart;
  }
  const out = [];
  for (const { y, i } of order) out[i] = y;
  return out;
}

export class Overlay {
  #frame = 0;

  constructor(source, theme) {
    this.source = source;
    this.state = { mode: "mean", log: false, whole: false, zoom: null };
    this.axis = new Axis({ get xmode() { return source.payload.overlay?.x || "step"; } });
    Object.defineProperty(this.axis, "mode", { get: () => this.data?.x || "step" });
    this.title = h("h3", { class: "clip" });
    this.about = h("span", { class: "sub clip" });
    this.tools = h("span", { class: "row push" });
    this.fit = h("button", { class: "btn quiet", type: "button", hidden: true, onclick: () => this.#zoom(null) }, "Fit");
    this.menu = menu("the curves", () => this.#items());
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, style: `min-height:${HEIGHT}px`, "data-lm-suppress-shortcuts": "true" });
    this.names = h("div", { class: "ends" });
    this.bar = h("div", { class: "row wrap small over-tools" });
    this.el = h("figure", { "data-nbt-panel": "overlay" },
      h("div", { class: "panel-h" }, this.title, this.about, h("span", { class: "push row" }, this.fit, this.menu.el)),
      this.bar, h("div", { class: "with-ends" }, this.plot, this.names));
    this.chart = new Chart(this.plot, {
      key: `nbt-compare-chart-${(charts += 1)}`, axis: this.axis, theme, range: () => this.#range(), zoomed: () => !!this.state.zoom,
      extent: () => this.#extent(), onCursor: () => {}, onZoom: (range) => this.#zoom(range),
    });
    this.resizer = new ResizeObserver(() => this.#soon());
    this.resizer.observe(this.plot);
    this.el.addEventListener("fullscreenchange", () => this.paint());
  }

  #extent() {
    const xs = this.source.payload.overlay?.xs || [];
    return xs.length ? [xs[0], xs.at(-1)] : [0, 1];
  }

  #range() {
    return this.state.zoom || this.#extent();
  }

  async #zoom(range) {
    this.state.zoom = range;
    show(this.fit, !!range);
    if (!range) this.data = this.source.payload.overlay;
    this.paint();
    if (!range) return;
    const answer = await this.source.ask("overlay", { x: this.data.x, lo: range[0], hi: range[1] });
    if (!answer || this.state.zoom !== range || !answer.overlay.xs.length) return;
    this.data = answer.overlay;
    this.paint();
  }

  /** New data: all is seen again. */
  draw() {
    this.data = this.source.payload.overlay;
    this.state.zoom = null;
    show(this.fit, false);
    const { options, choice } = this.source.head;
    this.bar.replaceChildren(segments("Curves", ["groups", "every run"], this.state.mode === "mean" ? "groups" : "every run", (name) => {
      this.state.mode = name === "groups" ? "mean" : "runs";
      this.paint();
    }), segments("Along", options?.x || ["step"], this.data?.x || choice?.x, (x) => this.source.choose({ x })), this.note ||= h("span", { class: "sub tiny" }));
    this.paint();
  }

  #lines() {
    const { data, source, state } = this, lifted = source.lifted, known = slots(source.payload);
    const lines = [], columns = [], bands = [], drawn = [];
    const put = (line, y) => lines.push(line) && columns.push(y);
    const faded = (letter) => lifted && lifted.letter !== letter;
    if (state.mode === "mean") {
      for (const group of data.groups) {
        const { colour, dash, faint } = look(group.slot), quiet = faded(group.letter) || faint;
        const at = columns.length + 1;
        if (!faint && !faded(group.letter)) {
          put({ colour, width: 0, alpha: 0.99 }, group.high); // edges: no point under the cursor
          put({ colour, width: 0, alpha: 0.99 }, group.low);
          bands.push({ series: [at, at + 1], colour });
        }
        put({ colour, width: faint ? 1 : 2, alpha: quiet ? 0.28 : 1, dash: dash || undefined, dots: data.xs.length < 3 }, group.mean);
        drawn.push(group.mean);
      }
    } else for (const run of data.runs) {
      const { colour, dash, faint } = look(known.get(run.letter));
      if (lifted?.id === run.id) continue;
      put({ colour, width: 1.2, alpha: lifted || faint ? 0.2 : 0.8, dash: dash || undefined }, run.y);
      drawn.push(run.y);
    }
    const own = lifted && data.runs.find((run) => run.id === lifted.id);
    if (own) {
      put({ colour: look(known.get(own.letter)).colour, width: 2.4, alpha: 1 }, own.y);
      drawn.push(own.y);
    }
    return { lines, columns, bands, drawn };
  }

  paint() {
    const { data, state } = this;
    if (!data) return;
    say(this.title, data.label || "No metric");
    const rest = data.left ? `; ${data.left} more runs not drawn` : "";
    say(this.about, `${data.title || ""}${data.unit ? `, ${data.unit}` : ""}${state.mode === "runs" ? rest : ""}`);
    this.about.title = this.about.textContent;
    const { lines, columns, bands, drawn } = this.#lines();
    const log = state.log && data.log_ok;
    const y = log || state.whole || state.zoom ? null : settled(state.mode === "mean" ? data.groups.map((g) => g.mean) : drawn, this.source.head.metric?.better);
    say(this.note, y ? "the steep start is cut off: whole range in the menu" : "");
    const height = document.fullscreenElement === this.el ? Math.max(240, innerHeight - 130) : HEIGHT;
    this.chart.draw({ height, log, zero: false, labels: false, lines, bands, y }, [data.xs, ...columns]);
    this.plot.setAttribute("aria-label", `${data.label}, ${data.title}: ${data.groups.map((g) => `${g.letter} ends at ${lastOf(g.mean)?.toFixed(2) ?? "nothing"}`).join(", ")}`);
    this.#soon();
  }

  #soon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#ends());
  }

  #ends() {
    const u = this.chart.drawn.plot, { data } = this;
    if (!u || !data) return this.names.replaceChildren();
    const named = data.groups.filter((group) => group.slot != null && lastOf(group.mean) != null);
    const top = u.bbox.top / devicePixelRatio, foot = top + u.bbox.height / devicePixelRatio;
    const places = spread(named.map((group) => Math.min(foot, Math.max(top, top + u.valToPos(lastOf(group.mean), "y")))), NAME, top, foot);
    const lifted = this.source.lifted;
    return this.names.replaceChildren(...named.map((group, i) => h("span", {
      style: `top:${places[i] - 8}px;color:var(${look(group.slot).colour})`, title: group.label, class: lifted && lifted.letter !== group.letter ? "faded" : "",
    }, h("b", {}, group.letter), ` ${group.label}`)));
  }

  #items() {
    const { state, data } = this, name = (ending) => fileName(["comparison", data.label], ending);
    const shot = () => picture(this.chart.drawn, this.plot, this.axis, data.label, data.groups.filter((g) => g.slot != null).map((g) => ({ text: `${g.letter} ${g.label}`, ...look(g.slot) })));
    return [
      { text: "Table of values", pressed: !!this.table, act: () => this.#table() },
      data.log_ok ? { text: "Logarithmic", pressed: state.log, act: () => { state.log = !state.log; this.paint(); } } : null,
      { text: "Whole range", pressed: state.whole, act: () => { state.whole = !state.whole; this.paint(); } },
      { text: "Download PNG", act: async () => save(name("png"), await png(shot())) },
      { text: "Download SVG", act: () => save(name("svg"), new Blob([svgText(shot())], { type: "image/svg+xml" })) },
      { text: "Download CSV", act: () => save(name("csv"), new Blob([csvOf(data)], { type: "text/csv" })) },
      { text: "Full screen", act: () => fullScreen(this.el).then(() => this.paint()) },
    ];
  }

  #table() {
    this.table?.remove();
    if (this.table) return void (this.table = null);
    const { data } = this;
    this.table = valueTable(data.label, data.groups.map((g) => `${g.letter} ${g.label}`), [data.xs, ...data.groups.map((g) => g.mean)], this.#range(), this.axis, () => this.#table());
    return this.el.append(this.table);
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.resizer.disconnect();
    this.menu.close(false);
    this.chart.destroy();
  }
}

function lastOf(values) {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] != null) return values[i];
  return null;
}

/** One row a place: mean, low and high of each group, then each run. */
export function csvOf(data) {
  const heads = [data.x, ...data.groups.flatMap((g) => [`${g.letter} mean`, `${g.letter} low`, `${g.letter} high`]), ...data.runs.map((run) => run.id)];
  const columns = [data.xs, ...data.groups.flatMap((g) => [g.mean, g.low, g.high]), ...data.runs.map((run) => run.y)];
  const rows = data.xs.map((_, i) => columns.map((column) => cell(column[i] ?? "")).join(","));
  return `${[heads.map(cell).join(","), ...rows].join("\n")}\n`;
}
