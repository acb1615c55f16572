// One genuine client, driven over standard input and output, a JSON value a line:
//   {id, op, args} in; {id, ok, result | error} out, and {event, payload} for whatever the SDK announces.
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

let client = null;
const pages = [];
const conversations = new Map();
const users = new Map();

const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const plain = (error) => ({
  name: error?.name,
  message: error?.message ?? String(error),
  status: error?.status,
  code: error?.body?.code ?? error?.code,
  body: error?.body,
});

// Every public getter of an object, and what it is found by.
function face(value, prototype) {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(([name, { get }]) => get && name[0] !== "_");
  if (!getters.length) return Object.entries(value);
  const fields = getters.map(([name]) => [name, value[name]]);
  if (value.conversation) fields.push(["conversation", value.conversation.sid]);
  return "sid" in value ? [["sid", value.sid], ...fields] : fields;
}

function describe(value) {
  if (value === undefined || value === null || typeof value !== "object") return value ?? null;
  if (value instanceof sdk.Client) return "client";
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return plain(value);
  if (value instanceof Map) return describe(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(describe);
  if (typeof value.nextPage === "function" && Array.isArray(value.items)) {
    pages.push(value);
    const { items, hasNextPage, hasPrevPage } = value;
    return { page: pages.length - 1, items: describe(items), hasNextPage, hasPrevPage };
  }
  if (value instanceof sdk.Conversation) conversations.set(value.sid, value);
  if (value instanceof sdk.User) users.set(value.identity, value);
  return Object.fromEntries(face(value, Object.getPrototypeOf(value)).map(([name, field]) => [name, describe(field)]));
}

// What a call is made on: "client", {page}, {user}, {conversation}, and with it {message: index} or {participant: sid}.
async function find(on) {
  if (on === "client") return client;
  if (on.page !== undefined) return pages[on.page];
  if (on.user !== undefined) return users.get(on.user) ?? client.getUser(on.user);
  const conversation = conversations.get(on.conversation) ?? (await client.getConversationBySid(on.conversation));
  if (on.participant !== undefined) return conversation.getParticipantBySid(on.participant);
  if (on.message === undefined) return conversation;
  const page = await conversation.getMessages(1, on.message, "backwards");
  return page.items.find((message) => message.index === on.message);
}

// What a message builder can hold; bytes come as base64.
async function build({ conversation, body, subject, attributes, media = [], email = {}, history = {}, content }) {
  const options = ({ contentType, filename, base64 }) => ({ contentType, filename: filename ?? undefined, media: Buffer.from(base64, "base64") });
  const builder = (await find({ conversation })).prepareMessage();
  if (body !== undefined) builder.setBody(body);
  if (subject !== undefined) builder.setSubject(subject);
  if (attributes !== undefined) builder.setAttributes(attributes);
  for (const one of media) builder.addMedia(options(one));
  for (const [type, one] of Object.entries(email)) builder.setEmailBody(type, options(one));
  for (const [type, one] of Object.entries(history)) builder.setEmailHistory(type, options(one));
  if (content) {
    const template = (await client.getContentTemplates()).find((one) => one.sid === content.sid);
    builder.setContentTemplate(template.sid, template.variables.map((one) => one.copyWithValue(content.values[one.name] ?? one.value)));
  }
  return builder.build();
}

const OPS = {
  // Make a client, hook its events; done when it is initialized, or has failed.
  connect: ({ token, url, ws_url, options = {} }) => new Promise((resolve, reject) => {
    client = new sdk.Client(token, {
      twilsock: { uri: ws_url }, Twilsock: { uri: ws_url }, apiUri: url, cdsUri: url,
      notifications: { ersUrl: `${url}/v1/registrations` }, ...options,
    });
    for (const event of CLIENT_EVENTS) client.on(event, (payload) => write({ event, payload: describe(payload) }));
    client.on("stateChanged", (state) => state === "initialized" && resolve(true));
    client.on("stateChanged", (state) => state === "failed" && reject(new Error("failed")));
    client.on("initFailed", ({ error }) => reject(Object.assign(new Error(error?.message), { code: error?.errorCode, status: error?.httpStatusCode })));
  }),
  call: async ({ on, method, args = [] }) => (await find(on))[method](...args),
  get: async ({ on, name }) => (await find(on))[name],
  see: ({ on }) => find(on), // every getter
  send: async (args) => (await build(args)).send(),
  // What it would send.
  unsent: async (args) => {
    const { text, attributes, mediaContent, emailOptions, contentSid, contentVariables } = await build(args);
    return { text, attributes, mediaContent: mediaContent.map(([category]) => category), emailOptions, contentSid, contentVariables };
  },
  template: async ({ conversation, content_sid }) =>
    (await find({ conversation })).prepareMessage().setContentTemplate(content_sid).buildAndSend(),
  // Whose media's temporary addresses there are, asked of the message and of the client: [[sid], [sid]].
  urls: async ({ conversation, message }) => {
    const found = await find({ conversation, message });
    const media = found.getMediaByCategories(["media", "body", "history"]);
    const answers = [await found.getTemporaryContentUrlsForMedia(media), await client.getTemporaryContentUrlsForMedia(media)];
    return answers.map((urls) => [...urls.keys()].sort());
  },
  constants: () => ({ ...sdk.NotificationTypes }),
  // What the temporary addresses of a message's media give: [{filename, category, status, disposition, base64}].
  media: async ({ conversation, message }) => {
    const found = (await find({ conversation, message })).getMediaByCategories(["media", "body", "history"]);
    return Promise.all(found.map(async (one) => {
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
