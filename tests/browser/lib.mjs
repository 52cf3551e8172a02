// A house of its own for the browser's stories: the binary on ports of its own, Debian's Chromium, presses by a real MQTT client;
// and a small town for those of the office.

import axe from "axe-core";
import { chromium } from "playwright-core";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { publisher } from "./mqtt.mjs";

const ROOT = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
export const BINARY = process.env.HEARTHLINE_BIN ?? join(ROOT, "target/debug/hearthline");
/** Everything is waited for at most this long: a busy machine is slow, not broken. */
export const PATIENCE = 60_000;

const sleep = (ms) => new Promise((go) => setTimeout(go, ms));

/** Waits until `look` gives something true. */
export async function until(look, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(100);
  }
}

export function must(held, what) {
  if (!held) throw new Error(what);
}

/** Starts a demo without a town of its own. */
export async function house(...more) {
  const dir = mkdtempSync(join(tmpdir(), "hearthline-browser-"));
  const ready = join(dir, "ready.json");
  const args = ["demo", "--quiet", ...(more.includes("--homes") ? [] : ["--homes", "12"]), "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", join(dir, "data"), "--ready-file", ready, ...more];
  const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, RUST_LOG: "warn" } });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  await until(() => existsSync(ready) || child.exitCode !== null, "the demo to start");
  must(child.exitCode === null, `the demo ended: ${said}`);
  const facts = JSON.parse(await until(() => readFileSync(ready, "utf8"), "the ready file"));
  const password = await until(() => said.match(/sign in\s+operator \/ (\S+)/)?.[1], "the password");
  const [host, port] = facts.mqtt.split(":");
  let presses = 0;
  return {
    url: facts.console,
    mqtt: facts.mqtt,
    user: facts.mqtt_user,
    secret: facts.mqtt_password,
    token: facts.api_token,
    password,
    /** Publishes by mosquitto_pub. */
    say(topic, payload) {
      const out = spawnSync("mosquitto_pub", ["-h", host, "-p", port, "-u", facts.mqtt_user, "-P", facts.mqtt_password, "-q", "1", "-t", topic, "-m", payload]);
      must(out.status === 0, `mosquitto_pub: ${out.stderr}`);
    },
    press(home, signal = "call") {
      this.say(`care/v1/${home}/button-1/${signal}`, JSON.stringify({ id: `press-${process.pid}-${(presses += 1)}` }));
    },
    /** A connection of one's own to the devices' door. */
    door: () => publisher(host, port, facts.mqtt_user, facts.mqtt_password),
    /** Many presses over one connection; done when all are acknowledged. */
    async flood(topics) {
      const door = await this.door();
      await Promise.all(topics.map((topic) => door.say(topic, JSON.stringify({ id: `flood-${process.pid}-${(presses += 1)}` }))));
      door.end();
    },
    async api(path, body) {
      const answer = await fetch(facts.console + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${facts.api_token}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
    /** Stops the platform as a cut cable would, and lets it go on. */
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async end() {
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      await Promise.race([new Promise((go) => child.once("exit", go)), sleep(15_000)]);
      child.kill("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts the made-up town of the office (an example of the console). */
export async function town() {
  const binary = join(ROOT, "target/debug/examples/office");
  must(existsSync(binary), `${binary} is missing: cargo build -p console --examples`);
  const child = spawn(binary, ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  const url = await until(() => said.match(/http:\/\/\S+/)?.[0] ?? (child.exitCode === null ? null : "ended"), "the town");
  must(url !== "ended", "the town ended");
  return { url, password: "correct horse", end: async () => void child.kill("SIGKILL") };
}

export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
  });
}

/** A part of the browser: closing it closes the windows that were opened by it, and no others. */
export function owned(chrome) {
  const contexts = [];
  return {
    async newContext(...how) {
      contexts.push(await chrome.newContext(...how));
      return contexts.at(-1);
    },
    close: () => Promise.all(contexts.map((context) => context.close())),
  };
}

/** A browser window with a language and a theme. Errors of the page are errors of the story. */
export async function window_(chrome, at, { language = "zh", theme = "light", width = 1440, height = 900, ...more } = {}) {
  const context = await chrome.newContext({ viewport: { width, height }, colorScheme: theme, ...more });
  context.setDefaultTimeout(PATIENCE);
  const { hostname } = new URL(at.url);
  await context.addCookies([
    { name: "hearthline-language", value: language, domain: hostname, path: "/" },
    { name: "hearthline-theme", value: theme, domain: hostname, path: "/" },
  ]);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (line) => line.type() === "error" && /Content Security Policy|Uncaught/.test(line.text()) && page.faults.push(line.text()));
  return page;
}

export async function signIn(page, at, name = "operator") {
  await page.goto(`${at.url}/sign-in`);
  await page.fill("#name", name);
  await page.fill("#password", at.password);
  await page.click("form[action='/sign-in'] button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

/** What axe finds by WCAG 2.2 AA and its own good practice, in a line each. Evaluated from outside: the page's policy lets no script in. */
export async function violations(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations);
  return found.map((v) => `${v.id}: ${v.help} (${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(", ")})`);
}

export const PHONE = { width: 390, height: 844, hasTouch: true, isMobile: true };

/** True if nothing has to be scrolled sideways. */
export const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
