// node figures.mjs: the figures of the console for docs/performance.md. A demo without a town of its own, real presses over
// MQTT, a real browser. HEARTHLINE_BIN names the binary. Prints a table in Markdown.

import { browser, house, signIn, until, window_ } from "./lib.mjs";

const CONSOLES = 200;
const PRESSES = 300;
const A_SECOND = 10;
const OPEN = 5_000;
const ROUNDS = 20;

const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))];
const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const spread = (list) => `p50 ${ms(at(list, 0.5))}, p99 ${ms(at(list, 0.99))}, most ${ms(Math.max(...list))}`;
const home = (n) => `home-${String(n).padStart(4, "0")}`;
const rows = [];
const row = (what, aim, found) => {
  rows.push([what, aim, found]);
  console.error(`${what}: ${found}`);
};

const place = await house("--homes", String(OPEN + PRESSES + 100));
const chrome = await browser();
const door = await place.door();

// One desk in a browser, and a note of when each alarm came onto it.
const page = await window_(chrome, place);
await signIn(page, place);
await page.waitForSelector("#queue");
await page.evaluate(() => {
  globalThis.seen = {};
  const look = () => {
    for (const line of document.querySelectorAll("#queue a[data-alarm]")) globalThis.seen[line.dataset.alarm] ??= Date.now();
  };
  new MutationObserver(look).observe(document.getElementById("queue"), { childList: true, subtree: true });
});

// The other consoles: each holds its stream open and notes when an alarm came first. No JSON is read here: the reader
// shares the machine with what it measures.
const heard = [];
const stop = new AbortController();
const raised = new Map();
async function console_() {
  const answer = await fetch(`${place.url}/api/v1/events`, { headers: { authorization: `Bearer ${place.token}` }, signal: stop.signal });
  const decoder = new TextDecoder();
  const mine = new Set();
  let text = "";
  for await (const chunk of answer.body) {
    const now = Date.now();
    text += decoder.decode(chunk, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const id = /"id":"([^"]+)"/.exec(event)?.[1];
      if (!id || mine.has(id)) continue;
      mine.add(id);
      if (!raised.has(id)) raised.set(id, Date.parse(/"raised_at":"([^"]+)"/.exec(event)[1]));
      heard.push(now - raised.get(id));
    }
  }
}
const streams = [...Array(CONSOLES).keys()].map(() => console_().catch(() => {}));
await until(async () => (await (await fetch(`${place.url}/metrics`)).text()).includes("hearthline_") && true, "the metrics");
await new Promise((go) => setTimeout(go, 2_000));
for (let n = 1; n <= PRESSES; n += 1) {
  const began = Date.now();
  await door.say(`care/v1/${home(n)}/button-1/call`, JSON.stringify({ id: `f-${n}` }));
  await new Promise((go) => setTimeout(go, Math.max(0, 1_000 / A_SECOND - (Date.now() - began))));
}
await until(() => heard.length >= PRESSES * CONSOLES, "every console to hear every alarm");
row(`${CONSOLES} consoles with open streams, ${A_SECOND} alarms/s: each alarm on each console after it was raised`, "all delivered", `${heard.length} of ${PRESSES * CONSOLES}; ${spread(heard)}`);
const shown = await page.evaluate(() => globalThis.seen);
const late = [...raised].filter(([key]) => shown[key]).map(([key, when]) => shown[key] - when);
row("an alarm on the screen after it was raised, in Chromium, beside these consoles", "p99 < 250 ms", `${spread(late)} (${late.length} alarms)`);
stop.abort();
await Promise.all(streams);

// The first paint and the weight of the page, each in a browser that has seen nothing before.
const paints = [];
let weight = 0;
for (let n = 0; n < 7; n += 1) {
  const fresh = await window_(chrome, place);
  await signIn(fresh, place);
  const client = await fresh.context().newCDPSession(fresh);
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  let bytes = 0;
  client.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
  await fresh.goto(place.url);
  await fresh.waitForSelector("#queue");
  await fresh.waitForTimeout(1_500);
  paints.push(await fresh.evaluate(() => performance.getEntriesByName("first-paint")[0]?.startTime ?? Number.NaN));
  weight = bytes;
  await fresh.context().close();
}
row("first paint of the duty desk, nothing cached", "< 300 ms", spread(paints.filter(Number.isFinite)));
row(`weight of the duty desk with ${PRESSES} open alarms, everything fetched anew`, "< 150 KB", `${(weight / 1024).toFixed(0)} KB`);

// A queue of thousands.
for (let n = PRESSES + 1; n <= OPEN; n += 50) {
  await Promise.all([...Array(Math.min(50, OPEN + 1 - n)).keys()].map((k) => door.say(`care/v1/${home(n + k)}/leak-1/water_leak`, JSON.stringify({ id: `q-${n + k}` }))));
}
const cookie = (await page.context().cookies()).map((c) => `${c.name}=${c.value}`).join("; ");
const got = async (path) => {
  const began = performance.now();
  const answer = await fetch(place.url + path, { headers: { cookie, accept: "text/html" } });
  const text = await answer.text();
  return [performance.now() - began, text];
};
await until(async () => (await got("/desk/queue"))[1].includes(`<b>${OPEN}</b>`), `${OPEN} open alarms in the queue`);
// Each drawn anew: a drawn queue is shown to whoever asks within half a second.
const drawn = async (ask) => {
  const took = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    took.push((await ask())[0]);
    await new Promise((go) => setTimeout(go, 600));
  }
  return took;
};
row(`the queue with ${OPEN} open alarms, from the request to its last byte`, "< 200 ms", spread(await drawn(() => got("/desk/queue"))));
row(`the whole duty desk with ${OPEN} open alarms, likewise`, "", spread(await drawn(() => got("/"))));

door.end();
await chrome.close();
await place.end();
console.log("| what | aim | measured |\n|---|---|---|");
for (const one of rows) console.log(`| ${one.join(" | ")} |`);
