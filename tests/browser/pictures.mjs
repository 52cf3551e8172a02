// node pictures.mjs: the pictures of the README, from a demo that lives. Run it when a page has changed.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { browser, house, signIn, until, window_ } from "./lib.mjs";

const to = join(new URL(".", import.meta.url).pathname, "../../docs/images");
mkdirSync(to, { recursive: true });
const chrome = await browser();
const at = await house("--clock-rate", "1");
for (const [home, signal] of [["home-0003", "call"], ["home-0007", "smoke"], ["home-0005", "water_leak"]]) at.press(home, signal);
const alarm = await until(async () => (await at.api("/api/v1/alarms")).body?.items?.[0]?.id, "an alarm");
const pictures = [
  ["duty-desk", `/?alarm=${alarm}`, "light"],
  ["wall", "/wall", "dark"],
  ["home", "/homes/home-0003", "light"],
  ["routine", "/homes/home-0003/routine", "light"],
  ["month", `/office/months/${new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 7)}`, "light"],
];
for (const [name, path, theme] of pictures) {
  const page = await window_(chrome, at, { theme, width: 1280, height: 800 });
  await signIn(page, at);
  await page.goto(at.url + path);
  await page.waitForSelector("main");
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(to, `${name}.png`) });
  await page.context().close();
}
await at.end();
await chrome.close();
