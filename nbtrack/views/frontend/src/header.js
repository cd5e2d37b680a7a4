// Who, how far, how to act: the lines above the charts, in every state a run can be in.
import { Control } from "./control.js";
import { h, say, show } from "./dom.js";
import { icon, pill } from "./icons.js";
import { clock, count, sig } from "./numbers.js";

/** Steps that the run will make, if that is known. */
const total = (head) => head.expected?.steps ?? head.total;
const bold = (text) => h("b", {}, text);
const fact = (...parts) => h("span", {}, parts);
const sep = (...parts) => h("span", { class: "sep" }, parts);

export class Header {
  constructor(model, level = "h2") {
    this.control = new Control(model, () => this.again?.());
    this.name = h(level, { class: "name clip" });
    this.id = h("code", { class: "sub" });
    this.pill = h("span");
    this.tags = h("span", { class: "row wrap tags" });
    this.stop = this.control.stop;
    this.full = h("button", { class: "btn icon quiet", type: "button", "aria-label": "Full screen", title: "Full screen" }, icon("full"));
    this.fill = h("i");
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Steps" }, this.fill);
    this.facts = h("div", { class: "row facts" });
    this.error = h("pre", { class: "x", hidden: true });
    this.el = h(
      "header", { class: "top" },
      h("div", { class: "row wrap" }, this.name, this.id, this.pill, this.tags, h("span", { class: "push row wrap" }, this.control.lr, this.stop, this.full)),
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
      this.control.quiet();
    }
    const tags = [...(head.tags || []), ...(head.seed == null ? [] : [`seed ${head.seed}`])];
    if (tags.join("\n") !== this.tagText) {
      this.tagText = tags.join("\n");
      this.tags.replaceChildren(...tags.map((tag) => h("span", { class: "tag" }, tag)));
    }
    this.control.update(head, progress.lr ?? head.lr);
    this.#bar({ ...head, total: total(head) }, progress);
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
    const signature = JSON.stringify([head, progress.step, Math.round(progress.elapsed ?? 0), this.control.unheard, sig(progress.rate)]);
    if (signature === this.factText) return;
    this.factText = signature;
    const words = head.erased ? ERASED : (FACTS[head.status] || FACTS.lost);
    this.facts.replaceChildren(...words(head, progress, this.control.unheard));
  }

  destroy() {
    this.control.destroy();
  }
}

function step(head, { step: at }) {
  const all = total(head);
  return all ? fact("step ", bold(count(at)), ` of ${count(all)}`) : fact("step ", bold(count(at)));
}

function epoch(head, now) {
  const at = now.epoch ?? head.epoch;
  if (at == null) return [];
  const all = head.expected?.epochs, nth = Math.floor(at) + 1;
  return [sep("epoch ", bold(count(all ? Math.min(nth, all) : nth)), all ? ` of ${count(all)}` : "")];
}

function changed({ changed: words }) {
  if (!words?.length) return [];
  const only = words.length === 1 && { "first run": "first run", nothing: "nothing changed since the run before" }[words[0]];
  if (only) return [h("span", { class: "sep" }, only)];
  return [h("span", { class: "sep changed" }, "changed: ", h("code", { title: words.join("; ") }, words.join("; ")))];
}

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
    const long = total(head) ? [] : [sep("length not known")];
    const left = now.left == null ? [] : [sep(bold(clock(now.left)), " left")];
    return [step(head, now), ...long, ...epoch(head, now), sep(bold(clock(now.elapsed)), " elapsed"), ...left, ...rate(now), ...changed(head)];
  },
  done: (head, now) => ended(head, now),
  stopped: (head, now) => ended(head, now, "stopped between two steps, everything up to there is kept"),
  interrupted: (head, now) => ended(head, now, "interrupted, points up to there are kept"),
  failed: (head, now) => ended(head, now, "points up to the failure are kept"),
  lost(head, now) {
    const where = now.step == null ? "before its first step" : fact("at ", step(head, now));
    const when = head.seen_s ? `, ${day(head.seen_s)}` : ` after ${clock(now.elapsed)}`;
    return [fact("last seen ", where, `${when}. The process ended without a word: killed, out of memory or power. Every point logged until then is here.`)];
  },
  incomplete(head, now) {
    const lost = head.lost_points || 0, of = head.num_points ? ` of ${count(head.num_points + lost)}` : "";
    return ended(head, now, h("span", {}, bold(`${count(lost)}${of} ${lost === 1 && !of ? "point is" : "points are"} missing`), " because they could not be written"));
  },
};

const day = (seconds) => new Date(seconds * 1000).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const ERASED = () => [fact("this run was erased; what is drawn here is all that is left of it")];

function ended(head, now, note) {
  const how = now.step == null ? fact("nothing was recorded") : step(head, now);
  return [how, sep(bold(clock(now.elapsed))), ...rate(now), ...(note ? [sep(note)] : []), ...changed(head)];
}
