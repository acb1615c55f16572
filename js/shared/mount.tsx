import { type ComponentType, render } from "preact";
import type { AnyModel } from "./values";
import "./theme.css";

/** A view's state and its talk with the kernel. */
export interface Store {
  close(): void;
}

/** anywidget's entry: each view of the model gets its own store, and so its own window, scroll position and draft. */
export function mount<S extends Store>(make: (model: AnyModel) => S, View: ComponentType<{ store: S }>) {
  return {
    render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
      const place = el.ownerDocument.createElement("div");
      el.append(place);
      const store = make(model);
      render(<View store={store} />, place);
      return () => {
        store.close();
        render(null, place);
        place.remove();
      };
    },
  };
}
