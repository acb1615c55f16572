import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, test } from "vitest";
import type { Message } from "../shared/model";
import { MessageRow } from "../thread/row";
import { ThreadStore } from "../thread/store";
import { Kernel, message, settled, wireMessage } from "./fakes";

async function opened() {
  const kernel = new Kernel();
  const store = new ThreadStore(kernel);
  await kernel.answerOpen([wireMessage(1, { own: true, body: "old" })]);
  return {
    kernel,
    store,
    changes: store.changes,
    shown: () => store.changes.shown(store.state.messages[0] as Message),
  };
}

describe("changes", () => {
  test("an edit is shown at once, and gives way to what the kernel tells", async () => {
    const { kernel, store, changes, shown } = await opened();
    changes.edit(shown());
    changes.type("IM1", "new");
    void changes.save(shown());
    expect(shown()).toMatchObject({ body: "new", edited: true });
    expect(shown()).toBe(shown());
    expect(kernel.last("edit").params).toEqual({ index: 1, sid: "IM1", body: "new" });
    await kernel.answer("edit", null);
    expect(shown().body).toBe("new");
    expect(changes.of("IM1")).toBeUndefined();
    kernel.batch({ type: "updated", message: wireMessage(1, { own: true, body: "newer", edited: true }) });
    expect(shown()).toBe(store.state.messages[0]);
    expect(shown().body).toBe("newer");
  });

  test("an edit that is refused is taken back: the text is still in its field, with the reason", async () => {
    const { kernel, changes, shown } = await opened();
    changes.edit(shown());
    changes.type("IM1", "new");
    void changes.save(shown());
    await kernel.refuse("edit", "Forbidden", "It is somebody else's.");
    expect(shown().body).toBe("old");
    expect(changes.of("IM1")).toEqual({ kind: "editing", text: "new", error: "It is somebody else's." });
  });

  test("a text that is as it was asks for nothing", async () => {
    const { kernel, changes, shown } = await opened();
    changes.edit(shown());
    void changes.save(shown());
    expect(kernel.count("edit")).toBe(0);
    expect(changes.of("IM1")).toBeUndefined();
  });

  test("a removal is shown at once, and taken back where it is refused", async () => {
    const { kernel, changes, shown } = await opened();
    changes.confirm(shown());
    void changes.remove(shown());
    expect(shown().deleted).toBe(true);
    await kernel.refuse("remove", "Forbidden", "Ask an admin.");
    expect(shown().deleted).toBe(false);
    expect(changes.of("IM1")).toMatchObject({ kind: "confirming", error: "Ask an admin." });
    void changes.remove(shown());
    await kernel.answer("remove", null);
    expect(shown().deleted).toBe(true);
  });
});

describe("a row that is changed", () => {
  let place: HTMLElement;
  beforeEach(() => {
    place = document.createElement("div");
    document.body.append(place);
    return () => {
      render(null, place);
      place.remove();
    };
  });

  const paint = (store: ThreadStore, row = message(1, { own: true, body: "old" })) =>
    act(() =>
      render(
        <MessageRow
          {...{ message: row, day: null, head: true, fresh: "" }}
          change={store.changes.of("IM1")}
          changes={store.changes}
        />,
        place,
      ),
    );
  const field = () => place.querySelector("textarea") as HTMLTextAreaElement;
  const press = (at: Element, key: string) =>
    act(() => void at.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));

  test("has the text in a field, which Escape leaves and Enter saves", async () => {
    const { kernel, store } = await opened();
    store.changes.edit(message(1, { body: "old" }));
    await paint(store);
    expect(field().value).toBe("old");
    expect(document.activeElement).toBe(field());
    await press(field(), "Escape");
    expect(store.changes.of("IM1")).toBeUndefined();
    expect(document.activeElement).toBe(place.querySelector("article"));
    await paint(store);
    expect(field()).toBeNull();
    store.changes.edit(message(1, { body: "old" }));
    await paint(store);
    await act(() => {
      field().value = "new";
      field().dispatchEvent(new InputEvent("input", { bubbles: true }));
    });
    await press(field(), "Enter");
    expect(kernel.last("edit").params.body).toBe("new");
  });

  test("asks before it deletes, with the focus on the answer, and Escape keeps it", async () => {
    const { kernel, store } = await opened();
    store.changes.confirm(message(1));
    await paint(store);
    expect(document.activeElement?.textContent).toBe("Delete");
    await press(document.activeElement as Element, "Escape");
    expect(kernel.count("remove")).toBe(0);
    expect(store.changes.of("IM1")).toBeUndefined();
    await paint(store);
    store.changes.confirm(message(1));
    await paint(store);
    await act(() => (document.activeElement as HTMLButtonElement).click());
    expect(kernel.count("remove")).toBe(1);
    await settled();
  });
});
