import { expect, test } from "vitest";
import { Parts } from "../shared/parts";
import type { AnyModel } from "../shared/values";
import { Kernel } from "./fakes";

function open(kernel: Kernel): { parts: Parts; models: Map<string, AnyModel> } {
  const models = new Map<string, AnyModel>();
  const parts = new Parts(kernel, (name, part) => {
    expect(models.has(name)).toBe(false);
    models.set(name, part);
  });
  return { parts, models };
}

const inbox = (models: Map<string, AnyModel>): AnyModel => {
  const model = models.get("inbox");
  if (!model) throw new Error("no inbox");
  return model;
};

test("a part begins with the snapshot, and comes when it is told", () => {
  const kernel = new Kernel({ _parts: { inbox: { selected_sid: "CH1" } } });
  const { models } = open(kernel);
  expect(inbox(models).get("selected_sid")).toBe("CH1");
  expect(models.has("thread")).toBe(false);
  kernel.say({ kind: "part", part: "thread", state: { height: 300 } });
  expect(models.get("thread")?.get("height")).toBe(300);
});

test("only traits that have changed are told", () => {
  const kernel = new Kernel({ _parts: { inbox: { filters: { state: ["active"] }, height: 300 } } });
  const { parts, models } = open(kernel);
  const heard: string[] = [];
  for (const name of ["filters", "height"]) inbox(models).on(`change:${name}`, () => heard.push(name));
  kernel.say({ kind: "part", part: "inbox", state: { filters: { state: ["active"] }, height: 301 } });
  parts.update({ inbox: { filters: {}, height: 301 } });
  expect(heard).toEqual(["height", "filters"]);
});

test("what a view sets and says travels as the host's message", () => {
  const kernel = new Kernel({ _parts: { inbox: {} } });
  const model = inbox(open(kernel).models);
  model.set("selected", ["CH2"]);
  model.save_changes();
  model.send({ kind: "request", method: "rows" });
  expect(kernel.requests).toMatchObject([
    { kind: "part", part: "inbox", state: { selected: ["CH2"] } },
    { kind: "part", part: "inbox", content: { kind: "request", method: "rows" } },
  ]);
  expect(model.get("selected")).toEqual(["CH2"]);
});

test("a message reaches its part alone, with its bytes", () => {
  const kernel = new Kernel({ _parts: { inbox: {}, thread: {} } });
  const { parts, models } = open(kernel);
  const heard: unknown[] = [];
  for (const [name, model] of models)
    model.on("msg:custom", ((content: unknown, buffers: unknown[]) =>
      heard.push([name, content, buffers.length])) as never);
  kernel.say({ kind: "part", part: "thread", content: { kind: "beat" } }, [new DataView(new ArrayBuffer(2))]);
  kernel.say({ kind: "beat" });
  parts.close();
  kernel.say({ kind: "part", part: "thread", content: { kind: "beat" } });
  expect(heard).toEqual([["thread", { kind: "beat" }, 1]]);
  expect(kernel.listening).toBe(0);
});
