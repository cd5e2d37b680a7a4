// Questions to Python and their answers. A busy kernel answers late: after a second the page is
// told so, and again when it answers.
const PATIENCE_MS = 1000;

export class Talk {
  #model; #n = 0; #waiting = new Map(); #timer = 0;

  constructor(model, busy = () => {}) {
    this.#model = model;
    this.busy = busy;
    this.me = Math.random().toString(36).slice(2, 10);
    this.listener = (content) => this.#hear(content);
    model.on("msg:custom", this.listener);
  }

  /** A promise of the answer; one that fails is an answer too ({t: "failed" or "wrong", why}). */
  ask(question) {
    this.#n += 1;
    const n = this.#n;
    return new Promise((resolve) => {
      this.#waiting.set(n, resolve);
      this.#model.send({ ...question, n, me: this.me });
      if (!this.#timer) this.#timer = setTimeout(() => this.busy(true), PATIENCE_MS);
    });
  }

  get isWaiting() {
    return this.#waiting.size > 0;
  }

  #hear(content) {
    if (content.to !== this.me || !this.#waiting.has(content.n)) return;
    const resolve = this.#waiting.get(content.n);
    this.#waiting.delete(content.n);
    if (!this.#waiting.size) {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.busy(false);
    }
    resolve(content);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#model.off("msg:custom", this.listener);
  }
}
