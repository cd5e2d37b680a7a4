// The sentence first: who is better and how sure; its interval as a picture; who A and B are.
import { h, s, say } from "../dom.js";
import { look, metricText, sample, slots } from "./look.js";

const W = 204, H = 50;

/** The picture of an interval. Above zero always means that b is better. */
export function intervalPicture(interval, slot) {
  const [low, high] = interval.axis;
  const x = (value) => 8 + ((value - low) / (high - low || 1)) * (W - 16);
  const { colour } = look(slot);
  const ink = `var(${colour})`, zero = x(0);
  const unit = interval.unit ? ` ${interval.unit}` : "";
  const label = `Difference ${metricText(interval.mean)}${unit}, interval ${metricText(interval.low)} to ${metricText(interval.high)}; zero ${interval.low > 0 || interval.high < 0 ? "outside" : "inside"}`;
  const words = zero < 62 ? [W / 2, W] : zero > W - 62 ? [0, W / 2] : [zero - 6, zero + 6];
  const svg = s("svg", { width: W, height: H, role: "img", "aria-label": label, class: "interval" },
    s("path", { d: `M${zero} 14V34`, stroke: "var(--nbt-fg2)", "stroke-dasharray": "2 2" }),
    s("path", { d: `M4 34H${W - 4}`, stroke: "var(--nbt-line)" }),
    s("path", { d: `M${x(interval.low)} 24H${x(interval.high)}M${x(interval.low)} 19v10M${x(interval.high)} 19v10`, stroke: ink, "stroke-width": 2, fill: "none" }),
    s("circle", { cx: x(interval.mean), cy: 24, r: 4, fill: ink }));
  for (const [value, text] of interval.ticks) svg.append(s("text", { x: x(value), y: 47, "text-anchor": "middle" }, text));
  const near = zero >= 62 && zero <= W - 62;
  svg.append(
    s("text", { x: near ? words[0] : 4, y: 10, "text-anchor": near ? "end" : "start" }, interval.left),
    s("text", { x: near ? words[1] : W - 4, y: 10, "text-anchor": near ? "start" : "end" }, interval.right));
  return svg;
}

export class Verdict {
  constructor(source) {
    this.source = source;
    this.sentence = h("h2", { class: "say" });
    this.detail = h("p", { class: "sub small detail" });
    this.picture = h("div", { class: "ci" });
    this.letters = h("p", { class: "letters small" });
    this.el = h("div", { class: "verdict" }, h("div", { class: "words", "aria-live": "polite" }, this.sentence, this.detail, this.letters), this.picture);
    this.picks = { a: this.#pick("a"), b: this.#pick("b") };
    this.letters.append(h("span", { class: "sub" }, "Compare"), this.picks.a.el, h("span", { class: "sub" }, "with"), this.picks.b.el,
      h("span", { class: "sub tiny hint" }, "or drag a group of the table onto a letter"));
  }

  /** A letter that takes a group: chosen from a list by key or mouse, or dropped onto. */
  #pick(side) {
    const mark = h("span", {});
    const select = h("select", { "aria-label": `Group to compare as ${side === "a" ? "first" : "second"}`, onchange: () => this.#choose(side, select.value) });
    const el = h("label", {
      class: "pick field", ondragover: (event) => { event.preventDefault(); el.classList.add("over"); },
      ondragleave: () => el.classList.remove("over"),
      ondrop: (event) => {
        event.preventDefault();
        el.classList.remove("over");
        this.#choose(side, event.dataTransfer.getData("text/plain"));
      },
    }, mark, select);
    return { el, select, mark };
  }

  #choose(side, letter) {
    const now = this.now();
    if (!(this.source.payload.groups || []).some((group) => group.letter === letter)) return;
    const other = side === "a" ? "b" : "a";
    const choice = { a: now.a, b: now.b, [side]: letter };
    if (choice[other] === letter) choice[other] = now[side]; // they change places
    this.source.choose(choice);
  }

  now() {
    const { verdict, differ, head } = this.source.payload;
    const from = verdict?.interval || differ || head?.choice || {};
    return { a: from.a ?? head?.choice?.a ?? null, b: from.b ?? head?.choice?.b ?? null };
  }

  draw() {
    const { verdict, groups = [] } = this.source.payload;
    if (!verdict) return;
    say(this.sentence, verdict.sentence);
    this.sentence.dataset.nbtKind = verdict.kind;
    this.detail.replaceChildren(...(verdict.detail || []).map(([text, bold]) => (bold ? h("b", {}, text) : text)));
    this.detail.title = [verdict.method, verdict.effect ? `Effect size: Hedges' g ${metricText(verdict.effect.g)} (${verdict.effect.words})` : ""].filter(Boolean).join("\n");
    const known = slots(this.source.payload);
    this.picture.replaceChildren(...(verdict.interval ? [intervalPicture(verdict.interval, known.get(verdict.interval.mean >= 0 ? verdict.interval.b : verdict.interval.a))] : []));
    const now = this.now();
    this.letters.hidden = groups.length < 2;
    for (const side of ["a", "b"]) {
      const { select, mark } = this.picks[side];
      select.replaceChildren(...groups.map((group) => h("option", { value: group.letter }, `${group.letter}  ${group.label}`)));
      select.value = now[side] ?? "";
      mark.replaceChildren(sample(known.get(now[side]), 18));
    }
    this.letters.lastChild.hidden = groups.length < 3;
  }
}
