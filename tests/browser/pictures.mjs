// node pictures.mjs [FOLDER]: the pictures of the README, from a demo in which people have lived for four weeks. Run it when a
// page has changed. FOLDER: elsewhere, to look at first.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BINARY, browser, house, must, signIn, until, window_ } from "./lib.mjs";

const to = process.argv[2] ?? join(import.meta.dirname, "../../docs/images");
const DAYS = 28;
const HOMES = 12;
mkdirSync(to, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "hearthline-pictures-"));

function sim(...args) {
  const out = spawnSync(join(dirname(BINARY), "firmware-sim"), args, { encoding: "utf8" });
  must(out.status === 0, `firmware-sim ${args[0]}: ${out.stderr}`);
}

/** The city's local time, as recordings write it. */
const local = (ms) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19);

/** A life of four weeks that ends now, in a home. */
function lived(at, n) {
  const file = join(work, `${n}.csv`);
  sim("record", "--days", String(DAYS + 1), "--first", local(Date.now() - DAYS * 86_400_000).slice(0, 10), "--seed", String(n + 2), file);
  const [head, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  const now = local(Date.now());
  writeFileSync(file, [head, ...lines.filter((line) => line.slice(0, 19).replace(" ", "T") <= now), ""].join("\n"));
  sim("replay", file, "--mqtt", at.mqtt, "--user", at.user, "--password", at.secret, "--home", `home-${String(n).padStart(4, "0")}`, "--speed", "0");
}

const chrome = await browser();
const at = await house("--homes", String(HOMES));
for (let n = 1; n <= HOMES; n += 1) lived(at, n);
const lead = await window_(chrome, at);
await signIn(lead, at, "operator");
await lead.click("#shift");
await until(() => lead.locator("#sound-bar").isHidden(), "the shift to begin");
// Four weeks in a minute leave what nobody would leave open: it is closed before the pictures.
await until(async () => {
  const { items } = (await at.api("/api/v1/alarms")).body;
  for (const one of items) {
    await at.api(`/api/v1/alarms/${one.id}/claim`, {});
    await at.api(`/api/v1/alarms/${one.id}/close`, { outcome: "test" });
  }
  return items.length === 0;
}, "the alarms of the four weeks to be closed");
for (const [home, signal] of [["home-0005", "water_leak"], ["home-0007", "smoke"], ["home-0003", "call"]]) at.press(home, signal);
const open = await until(async () => {
  const { items } = (await at.api("/api/v1/alarms")).body;
  return ["home-0003", "home-0005", "home-0007"].every((home) => items.some((one) => one.home === home)) && items;
}, "the alarms");
const alarm = open.find((one) => one.home === "home-0003" && one.cause === "call").id;
const smoke = open.find((one) => one.home === "home-0007" && one.cause === "smoke").id;
await at.api(`/api/v1/alarms/${smoke}/claim`, {});
const pictures = [
  ["duty-desk", `/?alarm=${alarm}`, "light"],
  ["wall", "/wall", "dark"],
  ["home", "/homes/home-0003", "light"],
  ["routine", "/homes/home-0003/routine", "light"],
  ["month", `/office/months/${local(Date.now() - 20 * 86_400_000).slice(0, 7)}`, "light"],
];
for (const [name, path, theme] of pictures) {
  const page = await window_(chrome, at, { theme, width: 1280, height: 800, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  await signIn(page, at);
  await page.goto(at.url + path);
  await page.waitForSelector("main");
  // The first touch of a page brings the sound back, and the bar that asks for it goes.
  await page.mouse.click(640, 795);
  await until(async () => (await page.locator("#sound-bar").count()) === 0 || (await page.locator("#sound-bar").isHidden()), "the sound");
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(to, `${name}.png`) });
  await page.context().close();
  // Taken, so that the other pages are not about it.
  if (name === "wall") await at.api(`/api/v1/alarms/${alarm}/claim`, {});
}
await at.end();
await chrome.close();
rmSync(work, { recursive: true, force: true });
