// A console of made-up homes and a browser: Debian's Chromium, driven by playwright-core. Nothing is downloaded at run time.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
export const LIMIT_MS = 60_000;

/** Starts an example of the console; gives its address and its end. */
export async function serve(example) {
  const binary = `${root}/target/debug/examples/${example}`;
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p console --examples`);
  const child = spawn(binary, ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => reject(new Error("no address within a minute")), LIMIT_MS);
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const found = /http:\/\/\S+/.exec(text);
      if (found) {
        clearTimeout(late);
        resolve(found[0]);
      }
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code}`)));
  });
  return { address, stop: () => child.kill() };
}

export async function browse() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** A page of somebody signed in. Whatever breaks the page's own security policy fails the test at its end. */
export async function signedIn(browser, address, who, options = {}) {
  const context = await browser.newContext({ locale: "zh-CN", timezoneId: "Asia/Shanghai", ...options });
  context.setDefaultTimeout(LIMIT_MS);
  const page = await context.newPage();
  const broken = [];
  page.on("pageerror", (error) => broken.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) broken.push(message.text());
  });
  await page.goto(`${address}/sign-in`);
  await page.fill("input[name=name]", who);
  await page.fill("input[name=password]", "correct horse");
  await page.click("main form button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  return { context, page, broken };
}

/** What axe finds by WCAG 2.2 AA, one line each. */
export async function axeFinds(page) {
  // Evaluated from outside: the page's policy lets no script in, and that is as it should be.
  const source = await import("node:fs/promises").then((fs) => fs.readFile(axe, "utf8"));
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
  });
  return found;
}

/** True if nothing has to be scrolled sideways. */
export async function fits(page) {
  return page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1);
}

/** Waits until something holds in the page. By question and answer: the page's policy forbids what playwright's own waiting does. */
export async function until(page, holds, argument) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    if (await page.evaluate(holds, argument).catch(() => false)) return;
    if (Date.now() > end) throw new Error(`never held: ${holds} ${argument ?? ""}\n${await page.textContent("main")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
