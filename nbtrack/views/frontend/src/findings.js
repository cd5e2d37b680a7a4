// The likeliest finding in full, the others behind "2 more".
import { h, say, show } from "./dom.js";
import { icon } from "./icons.js";
import { count } from "./numbers.js";

/** Copies text, and says so in the button that was pressed. */
export async function copy(text, button, pre) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    const range = document.createRange();
    range.selectNodeContents(pre);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    say(button, "Selected: press Ctrl+C");
  }
  setTimeout(() => say(button, before), 2000);
}

export class Findings {
  #list = []; #at = 0; #signature = "[]";

  /** `onShow(finding)`: bring its evidence into sight. */
  constructor(onShow) {
    this.mark = h("span", { class: "sign" });
    this.text = h("p");
    this.advice = h("p", { class: "sub small" });
    this.show = h("button", { class: "btn", type: "button", onclick: () => onShow(this.now) }, "Show me");
    this.try = h("button", { class: "btn go", type: "button", "aria-expanded": "false", onclick: () => this.#open("try") }, "Try this");
    this.intended = h("button", { class: "btn quiet", type: "button", "aria-expanded": "false", onclick: () => this.#open("ok") }, "It is intended");
    this.more = h("button", { class: "btn quiet", type: "button", onclick: () => this.open((this.#at + 1) % this.#list.length) });
    this.pre = h("pre", { class: "x", tabindex: 0 });
    this.copy = h("button", { class: "btn", type: "button", onclick: () => copy(this.pre.textContent, this.copy, this.pre) }, "Copy");
    this.note = h("p", { class: "sub small" });
    this.code = h("div", { class: "code", hidden: true }, this.note, this.pre, this.copy);
    this.el = h("div", { class: "note find", role: "status", hidden: true },
      this.mark, h("div", { class: "txt" }, this.text, this.advice, this.code),
      h("span", { class: "row acts" }, this.show, this.try, this.intended, this.more));
  }

  get now() {
    return this.#list[this.#at];
  }

  update(findings = [], more = 0) {
    const signature = JSON.stringify([findings, more]);
    if (signature === this.#signature) return;
    this.#signature = signature;
    const code = this.now?.code;
    this.#list = findings.filter((finding) => finding.severity !== "info").slice(0, 3);
    this.beyond = more;
    this.#at = Math.max(0, this.#list.findIndex((finding) => finding.code === code));
    show(this.el, this.#list.length > 0);
    if (this.now) this.open(this.#at);
  }

  /** Shows one of the list in full. */
  open(at) {
    if (!this.#list[at]) return;
    if (at !== this.#at) this.#open(null);
    this.#at = at;
    const { title, sentence, advice, severity, first_step: step, line, code_to_try: code } = this.now;
    this.el.classList.toggle("error", severity === "error");
    this.mark.replaceChildren(icon(severity === "error" ? "error" : "warning"), h("span", { class: "vh" }, severity));
    this.text.replaceChildren(h("b", {}, `${title}${step == null || /since step|at step/.test(title) ? "" : ` since step ${count(step)}`}.`), ` ${sentence}`, line ? h("span", { class: "sub" }, ` (${line})`) : "");
    say(this.advice, advice ? `Try: ${advice}` : "");
    show(this.try, !!code);
    const others = this.#list.length - 1 + this.beyond;
    show(this.more, this.#list.length > 1);
    say(this.more, `${others} more`);
  }

  #open(what) {
    const shut = what == null || (this.opened === what && !this.code.hidden);
    this.opened = shut ? null : what;
    show(this.code, !shut);
    this.try.setAttribute("aria-expanded", String(this.opened === "try"));
    this.intended.setAttribute("aria-expanded", String(this.opened === "ok"));
    if (shut) return;
    const isCode = what === "try";
    say(this.note, isCode ? "For a new cell below:" : "Put this comment on the line concerned, and the finding is not shown for it again:");
    say(this.pre, isCode ? this.now.code_to_try : `# nbtrack: ok ${this.now.code}`);
  }
}
