import { expect, test } from "vitest";
import { batchFrom, messageFrom, messagesFrom, openPageFrom, pageFrom, traitsOf } from "../shared/model";
import { Kernel, wireMessage } from "./fakes";

test("a message gets its camelCase names", () => {
  const wire = wireMessage(4, {
    date_created: 12,
    media: [{ sid: "ME1", filename: "a.jpg", content_type: "image/jpeg", size: 9 }],
    texts: [{ sid: "ME2", filename: null, content_type: "text/html", size: 7, category: "history" }],
    content: "twilio/card",
    reactions: [
      { name: "heart", count: 2, people: ["Dana", 3], own: true },
      { name: "", count: 1 },
      { name: "x" },
      null,
    ],
    delivery: { total: 2, sent: "all", delivered: "some", read: "none", failed: "none", undelivered: "none" },
  });
  expect(messageFrom(wire)).toEqual({
    ...{ sid: "IM4", index: 4, author: "marta", name: "Marta Oliveira", own: false, channel: "chat" },
    ...{
      body: "message 4",
      subject: null,
      dateCreated: 12,
      edited: false,
      system: false,
      deleted: false,
      plain: false,
    },
    texts: [{ sid: "ME2", filename: null, contentType: "text/html", size: 7, category: "history" }],
    content: "twilio/card",
    reactions: [{ name: "heart", count: 2, people: ["Dana"], own: true }],
    media: [{ sid: "ME1", filename: "a.jpg", contentType: "image/jpeg", size: 9 }],
    delivery: { total: 2, sent: "all", delivered: "some", read: "none", failed: "none", undelivered: "none" },
  });
});

test.each([null, 7, "text", [], {}, { index: "3" }, { index: Number.NaN }])("%j is no message", (value) => {
  expect(messageFrom(value)).toBeNull();
});

test("fields of the wrong kind become harmless ones", () => {
  const odd = { index: 1, body: { html: "<b>" }, own: "yes", date_created: "now", media: "x", delivery: 3, name: null };
  const expected = { body: null, own: false, dateCreated: null, media: [], delivery: null, name: "" };
  expect(messageFrom(odd)).toMatchObject(expected);
});

test("pages are in order and hold an index once", () => {
  const messages = messagesFrom([wireMessage(3), wireMessage(1), "junk", wireMessage(3, { body: "again" })]);
  expect(messages.map((each) => each.index)).toEqual([1, 3]);
});

test("pages say whether there is more in their direction", () => {
  const wire = { messages: [], has_older: true, has_newer: false };
  expect([pageFrom(wire, "older").more, pageFrom(wire, "newer").more]).toEqual([true, false]);
  expect(openPageFrom({ has_older: true, seq: 9, typing: ["Marta", 3] })).toEqual({
    ...{ messages: [], hasOlder: true, seq: 9, typing: ["Marta"] },
  });
});

test("a batch keeps the changes it understands", () => {
  const changes = [
    { type: "added", message: wireMessage(1), local_id: "a" },
    { type: "added", message: {} },
    { type: "sparkles" },
    null,
    { type: "removed", index: 2, sid: "IM2" },
    { type: "reset" },
  ];
  const batch = batchFrom({ kind: "batch", seq: 3, changes });
  expect(batch?.changes.map((each) => each.type)).toEqual(["added", "removed", "reset"]);
  expect(batch?.changes[0]).toMatchObject({ localId: "a" });
});

test.each([null, {}, { kind: "response", id: "x" }, { kind: "batch" }])("%j is no batch", (content) => {
  expect(batchFrom(content)).toBeNull();
});

test("traits of a saved notebook of another version still make a view", () => {
  const kernel = new Kernel({
    theme: "neon",
    height: "tall",
    _header: null,
    _connection: undefined,
    read_only: 1,
    _readers: [[4, 2], ["x"], null],
  });
  expect(traitsOf(kernel)).toEqual({
    ...{ conversationSid: "CH1", readOnly: false, theme: "auto", height: 480, connection: "connected" },
    ...{ times: "clock", markdown: false, selected: [], markRead: true, readers: [{ index: 4, count: 2 }] },
    ...{ enterSends: true, moderator: false, writing: expect.objectContaining({ to: [], mostFiles: 10, whyNot: "" }) },
    header: { title: "", state: "active", names: [], identity: "" },
  });
});
