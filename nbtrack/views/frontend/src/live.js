// The widget: one store of points per model, any number of views of it.
import { h } from "./dom.js";
import { Source } from "./source.js";
import { styles } from "./styles.js";
import { View } from "./view.js";

/** anywidget calls this once per model, so views of one model share their points. */
export default () => {
  let source = null;
  return {
    initialize({ model }) {
      source = new Source(model);
      return () => source.end();
    },
    render({ model, el }) {
      el.append(h("style", {}, styles));
      const view = new View(model, el, source);
      return () => view.destroy();
    },
  };
};
