// One genuine client, driven over standard input and output, a JSON value a line:
//   {id, op, args} in; {id, ok, result | error} out, and {event, payload} for whatever the SDK announces.
// Each line out also says which public members were `used` since the last one; surface.py knows how they are written.
// Usage: node driver.mjs 2|3
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const sdk = createRequire(import.meta.url)(`conversations-${process.argv[2]}`);

const CLIENT_EVENTS = [
  "initialized", "initFailed", "stateChanged", "connectionStateChanged", "connectionError", "tokenAboutToExpire",
  "tokenExpired", "conversationAdded", "conversationJoined", "conversationLeft", "conversationRemoved",
  "conversationUpdated", "participantJoined", "participantLeft", "participantUpdated", "messageAdded",
  "messageUpdated", "messageRemoved", "typingStarted", "typingEnded", "userSubscribed", "userUnsubscribed",
  "userUpdated", "pushNotification",
];

const OBJECT_EVENTS = {
  Conversation: [
    "participantJoined", "participantLeft", "participantUpdated", "messageAdded", "messageRemoved", "messageUpdated",
    "typingStarted", "typingEnded", "updated", "removed",
  ],
  Participant: ["typingStarted", "typingEnded", "updated"],
  Message: ["updated"],
  User: ["updated", "userUnsubscribed"],
};

let client = null;
let flood = null;
const pages = [];
const conversations = new Map();
const users = new Map();

const FREE = /\.attributes$|^ChannelMetadata\.data$/; // whatever people put there is not the SDK's
const used = new Set();

function write(value) {
  process.stdout.write(`${JSON.stringify({ ...value, used: [...used] })}\n`);
  used.clear();
}

const CLASSES = Object.entries(sdk).filter(([, type]) => typeof type === "function");
const isPage = (value) => typeof value.nextPage === "function" && Array.isArray(value.items);
const nameOf = (value) => (isPage(value) ? "Paginator" : CLASSES.find(([, type]) => value instanceof type)?.[0]);

// A member that gave something was used; one that gave nothing proves nothing. A word may be one of a few.
function note(path, value) {
  if (value === undefined || value === null) return;
  used.add(path);
  if (typeof value === "string" && /^[\w.]{1,50}$/.test(value) && !/[0-9a-f]{32}/.test(value)) used.add(`${path}=${value}`);
}

// What was given to the SDK counts as well: the fields of its options.
function give(name, options) {
  for (const [key, value] of Object.entries(options ?? {})) note(`${name}.${key}`, value);
  return options;
}

const bare = new WeakMap();

// An object of the SDK from outside: its members are noted when they give something, or have done what they were asked.
function watch(value) {
  const name = value && typeof value === "object" && nameOf(value);
  if (!name) return value;
  const watched = new Proxy(value, {
    get(target, member) {
      const found = target[member];
      if (typeof found !== "function") {
        if (typeof member === "string") note(`${name}.${member}`, found);
        return found;
      }
      return (...args) => {
        const answer = found.apply(target, args);
        const done = () => void used.add(`${name}.${member}()`);
        if (answer?.then) answer.then(done, () => {});
        else done();
        return answer?.then ? answer : watch(answer);
      };
    },
  });
  bare.set(watched, value);
  return watched;
}

function hook(target, name, events, prefix) {
  for (const event of events) {
    target.on(event, (payload) => {
      used.add(`${name}!${event}`);
      if (typeof payload === "string") used.add(`${name}!${event}=${payload}`);
      for (const reason of payload?.updateReasons ?? []) {
        const of = ["conversation", "participant", "message", "user"].find((one) => one in payload);
        used.add(`${of[0].toUpperCase()}${of.slice(1)}UpdateReason=${reason}`);
      }
      write({ event: `${prefix}${event}`, payload: describe(payload) });
    });
  }
}
const plain = (error) => ({
  name: error?.name,
  message: error?.message ?? String(error),
  status: error?.status,
  code: error?.body?.code ?? error?.code,
  body: error?.body,
});

// Every public getter of an object, and what it is found by.
function face(object) {
  const value = watch(object);
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object))).filter(([name, { get }]) => get && name[0] !== "_");
  if (!getters.length) return Object.entries(value);
  const fields = getters.map(([name]) => [name, value[name]]);
  if (value.conversation) fields.push(["conversation", value.conversation.sid]);
  return "sid" in value ? [["sid", value.sid], ...fields] : fields;
}

function describe(told, path = "") {
  const value = bare.get(told) ?? told;
  if (value === undefined || value === null || typeof value !== "object") return value ?? null;
  if (value instanceof sdk.Client) return "client";
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return plain(value);
  if (value instanceof Map) return describe(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map((one) => describe(one, path));
  if (isPage(value)) {
    pages.push(value);
    const { items, hasNextPage, hasPrevPage } = watch(value);
    return { page: pages.length - 1, items: describe(items), hasNextPage, hasPrevPage };
  }
  if (value instanceof sdk.Conversation) conversations.set(value.sid, value);
  if (value instanceof sdk.User) users.set(value.identity, value);
  const name = nameOf(value);
  const here = name ?? ("rawData" in value && !path ? "ContentData" : path);
  return Object.fromEntries(face(value).map(([key, field]) => {
    if (!name && here) note(`${here}.${key}`, field);
    const inside = `${here}.${key}`;
    return [key, describe(field, here && !FREE.test(inside) ? inside : "")];
  }));
}

// What a call is made on: "client", {page}, {user}, {conversation}, and with it {message: index} or {participant: sid}.
const find = async (on) => watch(await findBare(on));

async function findBare(on) {
  if (on === "client") return client;
  if (on.page !== undefined) return pages[on.page];
  if (on.user !== undefined) return users.get(on.user) ?? client.getUser(on.user);
  const conversation = conversations.get(on.conversation) ?? (await client.getConversationBySid(on.conversation));
  if (on.participant !== undefined) return conversation.getParticipantBySid(on.participant);
  if (on.message === undefined) return conversation;
  const page = await conversation.getMessages(1, on.message, "backwards");
  return page.items.find((message) => message.index === on.message);
}

// Something to attach; bytes come as base64.
const options = ({ contentType, filename, base64 }) =>
  give("SendMediaOptions", { contentType, filename: filename ?? undefined, media: Buffer.from(base64, "base64") });

// What a message builder can hold.
async function build({ conversation, body, subject, attributes, media = [], email = {}, history = {}, content }) {
  const builder = (await find({ conversation })).prepareMessage();
  if (body !== undefined) builder.setBody(body);
  if (subject !== undefined) builder.setSubject(subject);
  if (attributes !== undefined) builder.setAttributes(attributes);
  for (const one of media) builder.addMedia(options(one));
  for (const [type, one] of Object.entries(email)) builder.setEmailBody(type, options(one));
  for (const [type, one] of Object.entries(history)) builder.setEmailHistory(type, options(one));
  if (content) {
    const template = (await watch(client).getContentTemplates()).find((one) => one.sid === content.sid);
    const values = template.variables.map((one) => watch(one).copyWithValue(content.values[one.name] ?? one.value));
    builder.setContentTemplate(template.sid, values);
  }
  return builder.build();
}

async function pour(conversation, name, flood) {
  for (let number = 0; !flood.over; number++) {
    const text = `${name} ${number}`;
    await conversation.sendMessage(text).then(
      (index) => (flood.acknowledged[text] = index),
      () => new Promise((resolve) => setTimeout(resolve, 20)), // it was cut off: whether it has arrived is not known
    );
  }
}

// The options of a client of this service.
function where({ url, ws_url, options }) {
  const addresses = { Twilsock: { uri: ws_url }, apiUri: url };
  const others = { twilsock: { uri: ws_url }, cdsUri: url, notifications: { ersUrl: `${url}/v1/registrations` } };
  return { ...others, ...give("ClientOptions", { ...addresses, ...options }) };
}

const OPTIONS = {
  createConversation: [["CreateConversationOptions", 0]],
  addNonChatParticipant: [["ParticipantBindingOptions", 3]],
  sendMessage: [["SendEmailOptions", 2]],
};

const OPS = {
  // Make a client, hook its events; done when it is initialized, or has failed.
  connect: ({ token, url, ws_url, options = {} }) => new Promise((resolve, reject) => {
    client = new sdk.Client(token, where({ url, ws_url, options }));
    hook(client, "Client", CLIENT_EVENTS, "");
    hook(client.user, "User", ["userSubscribed"], "User:"); // later nobody could be in time
    client.on("stateChanged", (state) => state === "initialized" && resolve(true));
    client.on("stateChanged", (state) => state === "failed" && reject(new Error("failed")));
    client.on("initFailed", ({ error }) => reject(Object.assign(new Error(error?.message), { code: error?.errorCode, status: error?.httpStatusCode })));
  }),
  // The other way to make one.
  create: async ({ token, url, ws_url, options = {} }) => {
    client = await sdk.Client.create(token, where({ url, ws_url, options }));
    used.add("Client.create()");
    return { token: watch(client).token === token, version: watch(client).version === sdk.Client.version };
  },
  call: async ({ on, method, args = [] }) => {
    for (const [name, place] of OPTIONS[method] ?? []) give(name, args[place]);
    return (await find(on))[method](...args);
  },
  // Also tell what an object announces itself, as "Conversation:updated".
  listen: async ({ on }) => {
    const object = await findBare(on);
    hook(object, nameOf(object), OBJECT_EVENTS[nameOf(object)], `${nameOf(object)}:`);
  },
  // A medium, without a builder.
  sendMedium: async ({ conversation, medium, attributes }) =>
    (await find({ conversation })).sendMessage(options(medium), attributes),
  get: async ({ on, name }) => (await find(on))[name],
  see: ({ on }) => find(on), // every getter
  send: async (args) => (await build(args)).send(),
  // What it would send.
  unsent: async (args) => {
    const { text, attributes, mediaContent, emailOptions, contentSid, contentVariables } = await build(args);
    give("UnsentMessage.emailOptions", emailOptions);
    return { text, attributes, mediaContent: mediaContent.map(([category]) => category), emailOptions, contentSid, contentVariables };
  },
  template: async ({ conversation, content_sid }) =>
    (await find({ conversation })).prepareMessage().setContentTemplate(content_sid).buildAndSend(),
  // Whose media's temporary addresses there are, asked of the message and of the client: [[sid], [sid]].
  urls: async ({ conversation, message }) => {
    const found = await find({ conversation, message });
    const media = found.getMediaByCategories(["media", "body", "history"]);
    await found.getTemporaryContentUrlsForMediaSids(media.map((one) => one.sid));
    const answers = [await found.getTemporaryContentUrlsForMedia(media), await watch(client).getTemporaryContentUrlsForMedia(media)];
    return answers.map((urls) => [...urls.keys()].sort());
  },
  // Send one message after the other, until told to rest.
  flood: ({ conversation, name }) => {
    flood = { acknowledged: {}, over: false };
    flood.done = pour(conversations.get(conversation), name, flood);
  },
  // Which were acknowledged: {text: index}.
  rest: async () => {
    flood.over = true;
    await flood.done;
    return flood.acknowledged;
  },
  // Whose media's temporary addresses there are by the members that 3.x has outlived: [[sid], [address]].
  attach: async ({ conversation, message }) => {
    const found = await find({ conversation, message });
    const media = found.getMediaByCategory(["media", "body", "history"]);
    const attached = await found.attachTemporaryUrlsFor(media);
    const urls = attached.map(watch).map((one) => one.getCachedTemporaryUrl?.() ?? one.getContentTemporaryUrl());
    return [attached.map((one) => one.sid), await Promise.all(urls)];
  },
  constants: () => give("NotificationTypes", { ...sdk.NotificationTypes }),
  // What the temporary addresses of a message's media give: [{filename, category, status, disposition, base64}].
  media: async ({ conversation, message }) => {
    const found = await find({ conversation, message });
    const media = (found.getMediaByCategories ?? found.getMediaByCategory)(["media", "body", "history"]); // 2.0.0
    return Promise.all(media.map(watch).map(async (one) => {
      const answer = await fetch(await one.getContentTemporaryUrl());
      const base64 = Buffer.from(await answer.arrayBuffer()).toString("base64");
      return { filename: one.filename, category: one.category, contentType: one.contentType, status: answer.status, base64 };
    }));
  },
};

async function serve(line) {
  const { id, op, args } = JSON.parse(line);
  try {
    write({ id, ok: true, result: describe(await OPS[op](args)) });
  } catch (error) {
    write({ id, ok: false, error: plain(error) });
  }
}

process.on("unhandledRejection", (error) => write({ event: "unhandledRejection", payload: plain(error) }));
const lines = createInterface({ input: process.stdin });
lines.on("line", serve);
lines.on("close", () => process.exit(0)); // the SDK's timers would keep it alive
write({ event: "ready", payload: sdk.Client.version });
