// What a page knows of a comparison, and its questions to Python.
import { Talk } from "../runs/talk.js";

/**
 * `state` is what only the page knows. The old picture stays until an answer is here; an answer to
 * a question that is no longer the newest of its kind is left alone.
 */
export class Source {
  #told = new Set(); #newest = new Map(); #choice = {};

  constructor(model) {
    this.payload = model.get("first") || {};
    this.wrong = null; // the mistake in a query
    this.failed = ""; // what else went wrong
    this.busy = false;
    this.lifted = null; // {id, letter} of the row under the pointer
    this.talk = new Talk(model, (yes) => {
      this.busy = yes;
      this.tell("busy");
    });
    this.curves = new Map(Object.entries(this.payload.table?.curves || {}));
  }

  get head() {
    return this.payload.head || {};
  }

  /** Asks for another choice; one that was not answered yet is asked for again with it. */
  async choose(choice) {
    this.#choice = { ...this.#choice, ...choice };
    const asksQuery = "query" in this.#choice;
    const answer = await this.#ask("choose", { choice: this.#choice });
    if (!answer) return;
    this.#choice = {};
    if (answer.t === "wrong") this.wrong = answer;
    else if (asksQuery) this.wrong = null; // else the mistake still stands in the field
    this.failed = answer.t === "failed" ? answer.why : "";
    if (answer.t === "chosen") {
      const metric = this.head.metric?.key;
      this.payload = answer.payload;
      if (this.head.metric?.key !== metric) this.curves.clear();
      for (const [id, curve] of Object.entries(this.payload.table?.curves || {})) this.curves.set(id, curve);
      this.tell("payload");
    } else this.tell("error");
  }

  /** A part; null if a newer question of its kind was asked meanwhile, or it failed. */
  async ask(kind, question) {
    const answer = await this.#ask(kind, question);
    if (!answer) return null;
    const failed = answer.t === "failed" ? answer.why : "";
    if (failed !== this.failed) {
      this.failed = failed;
      this.tell("error");
    }
    return answer.t === kind ? answer : null;
  }

  async #ask(kind, question) {
    const mine = (this.#newest.get(kind) || 0) + 1;
    this.#newest.set(kind, mine);
    const answer = await this.talk.ask({ t: kind, ...question });
    return this.#newest.get(kind) === mine ? answer : null;
  }

  lift(run) {
    if (run?.id === this.lifted?.id) return;
    this.lifted = run;
    this.tell("lift");
  }

  onChange(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  tell(what) {
    this.#told.forEach((tell) => tell(what));
  }

  destroy() {
    this.#told.clear();
    this.talk.destroy();
  }
}
