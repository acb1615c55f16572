// The genuine SDK as a peer of the benchmark: a task in, as a line of JSON; what was measured out, likewise.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const sdk = createRequire(import.meta.url)("../tests/interop/node_modules/conversations-3");
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const now = () => performance.now() / 1000;
const used = () => Object.values(process.cpuUsage()).reduce((sum, part) => sum + part) / 1e6; // seconds of the processor

const connect = ({ token, url, ws_url }) => new Promise((resolve, reject) => {
  const client = new sdk.Client(token, {
    twilsock: { uri: ws_url }, apiUri: url, cdsUri: url, notifications: { ersUrl: `${url}/v1/registrations` },
  });
  client.on("initialized", () => resolve(client));
  client.on("initFailed", ({ error }) => reject(new Error(error?.message)));
});

function memory() {
  globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, rss };
}

const told = (messages) => ({
  count: messages.length,
  first: messages[0]?.body,
  last: messages.at(-1)?.body,
  in_order: messages.every(({ index }, place) => index === messages[0].index + place),
});

async function pages(conversation, size, arrived = () => {}) {
  const all = [];
  let page = await conversation.getMessages(size);
  for (;;) {
    all.push(page);
    arrived(page.items.length);
    if (!page.hasPrevPage) return all.reverse().flatMap(({ items }) => items);
    page = await page.prevPage();
  }
}

const TASKS = {
  // Read a whole conversation, page by page; `marks` are the times at every `every`-th message.
  async history(task) {
    const client = await connect(task);
    const conversation = await client.getConversationByUniqueName(task.conversation);
    const before = memory();
    const marks = [];
    let count = 0;
    const [started, idle] = [now(), used()];
    const messages = await pages(conversation, 100, (more) => {
      count += more;
      while (task.every && (marks.length + 1) * task.every <= count) marks.push(now() - started);
    });
    const [seconds, cpu] = [now() - started, used() - idle];
    const after = memory();
    return { seconds, cpu, marks, held: after.held - before.held, rss: after.rss - before.rss, ...told(messages) };
  },

  // Say open, say ready at the first message, then take `count` more; `ended` is a time of the day, in seconds since 1970.
  async live(task) {
    const client = await connect(task);
    const conversation = await client.getConversationByUniqueName(task.conversation);
    const messages = [];
    let [started, idle] = [0, 0];
    await conversation.getMessages(1);
    say({ open: true });
    return new Promise((resolve) => {
      const finish = () => {
        const ended = (performance.timeOrigin + performance.now()) / 1000;
        resolve({ seconds: now() - started, ended, cpu: used() - idle, ...told(messages.slice(1)) });
      };
      conversation.on("messageAdded", (message) => {
        const place = messages.push(message);
        if (place === 1) {
          idle = used();
          say({ ready: true });
        }
        if (place === 2) started = now();
        if (place > task.count) finish();
      });
      setTimeout(finish, task.patience * 1000); // with what came until then
    });
  },

  // From nothing to every conversation with its participants and messages open.
  async connect(task) {
    const [started, idle] = [now(), used()];
    const client = await connect(task);
    const conversations = [];
    let page = await client.getSubscribedConversations();
    for (;;) {
      conversations.push(...page.items);
      if (!page.hasNextPage) break;
      page = await page.nextPage();
    }
    const rosters = await Promise.all(conversations.map((one) => one.getParticipants()));
    const [seconds, cpu] = [now() - started, used() - idle];
    const names = conversations.map(({ uniqueName }) => uniqueName).sort();
    const participants = rosters.reduce((sum, { length }) => sum + length, 0);
    return { seconds, cpu, count: names.length, first: names[0], last: names.at(-1), in_order: true, participants };
  },

  // Many sends at once, then some one after the other.
  async sends(task) {
    const client = await connect(task);
    const conversation = await client.getConversationByUniqueName(task.conversation);
    await conversation.getMessages(1);
    let [started, idle] = [now(), used()];
    await Promise.all(task.bodies.map((body) => conversation.sendMessage(body)));
    const [seconds, cpu] = [now() - started, used() - idle];
    const messages = await pages(conversation, 100);
    const in_order = messages.every(({ body }, place) => body === task.bodies[place]);
    started = now();
    for (let number = 0; number < task.sequential; number += 1) await conversation.sendMessage(`then ${number}`);
    const each = (now() - started) / task.sequential;
    return { ...told(messages), seconds, cpu, each, in_order };
  },
};

createInterface({ input: process.stdin }).once("line", async (line) => {
  const task = JSON.parse(line);
  try {
    const report = await TASKS[task.task](task);
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0)); // the SDK's timers would keep it alive
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
