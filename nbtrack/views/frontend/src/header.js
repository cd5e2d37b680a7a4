// Who, how far, how to act: the lines above the charts, in every state a run can be in.
import { h, say, show } from "./dom.js";
import { icon, pill } from "./icons.js";
import { clock, count, sig } from "./numbers.js";

const PATIENCE_MS = 1000; // without an answer by then, the kernel cannot hear the page

const bold = (text) => h("b", {}, text);
const fact = (...parts) => h("span", {}, parts);

export class Header {
  #model; #asked = 0; #timer = 0;

  constructor(model, level = "h2") {
    this.#model = model;
    this.name = h(level, { class: "name clip" });
    this.id = h("code", { class: "sub" });
    this.pill = h("span");
    this.tags = h("span", { class: "row wrap tags" });
    this.stop = h("button", { class: "btn", type: "button", title: "Finishes the step, saves, ends as stopped", onclick: () => this.#ask() }, icon("stop"), h("span", {}, "Stop"));
    this.fill = h("i");
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Steps" }, this.fill);
    this.facts = h("div", { class: "row facts" });
    this.error = h("pre", { class: "x", hidden: true });
    this.el = h(
      "header", { class: "top" },
      h("div", { class: "row wrap" }, this.name, this.id, this.pill, this.tags, h("span", { class: "push row" }, this.stop)),
      this.bar, this.facts, this.error,
    );
  }

  /** `head`: what is known of the run. `progress`: {step, elapsed, rate, waiting}. */
  update(head, progress) {
    this.head = head;
    say(this.name, head.name || head.id);
    this.name.title = head.name || "";
    say(this.id, head.name ? head.id : "");
    if (this.status !== head.status) {
      this.status = head.status;
      this.pill.replaceChildren(pill(head.status));
      this.#quiet();
    }
    const tags = [...(head.tags || []), ...(head.seed == null ? [] : [`seed ${head.seed}`])];
    if (tags.join("\n") !== this.tagText) {
      this.tagText = tags.join("\n");
      this.tags.replaceChildren(...tags.map((tag) => h("span", { class: "tag" }, tag)));
    }
    show(this.stop, head.can_stop && head.status === "running" && !head.erased);
    this.#bar(head, progress);
    this.#facts(head, progress);
    show(this.error, !!head.error);
    if (head.error) say(this.error, head.error);
  }

  #bar({ status, total, erased }, { step }) {
    const known = total && step != null;
    const kind = status === "running" ? (known || step == null ? "" : "unknown") : `end ${status}`;
    this.bar.className = `bar ${kind}`;
    show(this.bar, status !== "done" && !erased);
    const share = step == null ? 0 : known ? Math.min(100, (100 * step) / total) : 100;
    this.fill.style.width = kind === "unknown" ? "0" : `${share}%`;
    if (known) {
      this.bar.setAttribute("aria-valuemax", total);
      this.bar.setAttribute("aria-valuenow", step);
    } else {
      this.bar.removeAttribute("aria-valuenow");
      this.bar.setAttribute("aria-valuetext", step == null ? "waiting" : `step ${count(step)}, length not known`);
    }
  }

  #facts(head, progress) {
    const signature = JSON.stringify([head, progress.step, Math.round(progress.elapsed ?? 0), this.unheard && this.why, sig(progress.rate)]);
    if (signature === this.factText) return;
    this.factText = signature;
    const words = head.erased ? ERASED : (FACTS[head.status] || FACTS.lost);
    this.facts.replaceChildren(...words(head, progress, this.unheard && this.why));
  }

  // -- stop ---------------------------------------------------------------

  #ask() {
    this.#asked += 1;
    this.unheard = false;
    this.stop.setAttribute("aria-disabled", "true");
    say(this.stop.lastChild, "Stopping after this step");
    this.#model.send({ t: "stop", n: this.#asked });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#noAnswer(), PATIENCE_MS);
  }

  /** The run has heard: it ends when its step is done. */
  acknowledged() {
    clearTimeout(this.#timer);
    this.unheard = false;
    this.stop.setAttribute("aria-disabled", "true");
    say(this.stop.lastChild, "Stopping after this step");
    this.again?.();
  }

  /** Heard, but there is no step to stop after. */
  refused() {
    clearTimeout(this.#timer);
    this.#noAnswer("The run has made no optimizer step to stop after: ");
  }

  #noAnswer(why = "This kernel cannot hear the page while a cell runs: ") {
    this.why = why;
    this.unheard = true;
    this.stop.removeAttribute("aria-disabled");
    say(this.stop.lastChild, "Stop");
    this.again?.();
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.unheard = false;
    this.stop.removeAttribute("aria-disabled");
    say(this.stop.lastChild, "Stop");
  }

  destroy() {
    clearTimeout(this.#timer);
  }
}

function step({ total }, { step: at }) {
  return total ? fact("step ", bold(count(at)), ` of ${count(total)}`) : fact("step ", bold(count(at)));
}

function changed({ changed: words }) {
  if (!words?.length) return [];
  const only = words.length === 1 && { "first run": "first run", nothing: "nothing changed since the run before" }[words[0]];
  if (only) return [h("span", { class: "sep" }, only)];
  return [h("span", { class: "sep changed" }, "changed: ", h("code", { title: words.join("; ") }, words.join("; ")))];
}

const sep = (...parts) => h("span", { class: "sep" }, parts);
const rate = ({ rate: speed }) => (speed > 0 ? [sep(bold(sig(speed)), " steps/s")] : []);

const FACTS = {
  running(head, now, unheard) {
    if (unheard) {
      return [h("span", { role: "alert" },
        now.step == null ? "" : `step ${count(now.step)}. `, unheard,
        bold("press the notebook's interrupt button once"), "; the run saves and ends as stopped.")];
    }
    if (now.step == null) {
      return [fact("Waiting for the first optimizer step: ", bold(clock(now.elapsed)), " elapsed. Nothing has been recorded yet."), ...changed(head)];
    }
    const long = head.total ? [] : [sep("length not known")];
    return [step(head, now), ...long, sep(bold(clock(now.elapsed)), " elapsed"), ...rate(now), ...changed(head)];
  },
  done: (head, now) => ended(head, now),
  stopped: (head, now) => ended(head, now, "stopped between two steps, everything up to there is kept"),
  interrupted: (head, now) => ended(head, now, "interrupted, points up to there are kept"),
  failed: (head, now) => ended(head, now, "points up to the failure are kept"),
  lost(head, now) {
    const where = now.step == null ? "before its first step" : fact("at step ", bold(count(now.step)));
    return [fact("last seen ", where, ` after ${clock(now.elapsed)}. The process ended without a word: killed, out of memory or power. Every point logged until then is here.`)];
  },
  incomplete(head, now) {
    const lost = head.lost_points || 0;
    return ended(head, now, h("span", {}, bold(`${count(lost)} ${lost === 1 ? "point is" : "points are"} missing`), " because they could not be written"));
  },
};

const ERASED = () => [fact("this run was erased; what is drawn here is all that is left of it")];

function ended(head, now, note) {
  const how = now.step == null ? fact("nothing was recorded") : step(head, now);
  return [how, sep(bold(clock(now.elapsed))), ...rate(now), ...(note ? [sep(note)] : []), ...changed(head)];
}
