import { type ComponentType, render } from "preact";
import { type AnyModel, unsealed } from "./values";
import "./theme.css";

/** A view's state and its talk with the kernel. */
export interface Store {
  close(): void;
}

/** The model, with its values as the kernel had them before it sealed them. */
const reading = (model: AnyModel): AnyModel => ({
  get: (name) => unsealed(model.get(name)),
  set: (name, value) => model.set(name, value),
  save_changes: () => model.save_changes(),
  on: (event, callback) => model.on(event, callback),
  off: (event, callback) => model.off(event, callback),
  send: (content, callbacks, buffers) => model.send(content, callbacks, buffers),
});

/** anywidget's entry: each view of the model gets its own store, and so its own window, scroll position and draft. */
export function mount<S extends Store>(make: (model: AnyModel) => S, View: ComponentType<{ store: S }>) {
  return {
    render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
      const place = el.ownerDocument.createElement("div");
      el.append(place);
      const store = make(reading(model));
      render(<View store={store} />, place);
      return () => {
        store.close();
        render(null, place);
        place.remove();
      };
    },
  };
}
