import { render } from "preact";
import type { AnyModel } from "../shared/model";
import "../shared/theme.css";
import "./style.css";
import { ThreadStore } from "./store";
import { Thread } from "./thread";

/** anywidget's entry: each view of the model gets its own window, scroll position and composer. */
export default {
  render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
    const place = el.ownerDocument.createElement("div");
    el.append(place);
    const store = new ThreadStore(model);
    render(<Thread store={store} />, place);
    return () => {
      store.close();
      render(null, place);
      place.remove();
    };
  },
};
