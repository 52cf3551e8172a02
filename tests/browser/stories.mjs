// What people do at the console, walked in a real browser. Each story gets a house of its own.

import { must, signIn, until, window_ } from "./lib.mjs";

const row = "#queue a[data-alarm]";

async function pressed(page, at, home, signal = "call") {
  const before = await page.locator(row).count();
  at.press(home, signal);
  await until(async () => (await page.locator(row).count()) > before, `the press in ${home} on the screen`);
}

export const STORIES = {
  async "press, sound, claim, report, close"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    must(await page.locator("#sound-bar").isVisible(), "without a shift the bar says that there is no sound");
    await page.click("#shift");
    await until(() => page.locator("#sound-bar").isHidden(), "the sound");
    await pressed(page, at, "home-0001");
    await until(async () => (await page.locator("#announce").textContent()) !== "", "the new alarm to be said");
    must((await page.title()).startsWith("(1)"), "the title counts red alarms");
    await page.keyboard.press("j");
    await page.waitForSelector("#card [data-state=raised]");
    await page.keyboard.press("a");
    await page.waitForSelector("#card [data-state=claimed]");
    await page.keyboard.press("n");
    await page.fill("#dialog-report textarea", "女儿已到家");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector("#card [data-state=reported]");
    await page.waitForSelector("#dialog-report", { state: "hidden" });
    await page.keyboard.press("c");
    await page.check("#dialog-close input[value=help_given]");
    await page.click("#dialog-close button[type=submit]");
    await page.waitForSelector("#card [data-state=closed]");
    await until(async () => (await page.locator(row).count()) === 0, "the queue to be empty");
    return page;
  },

  async "two operators claim at once: one has it, the other is told who"(chrome, at, look) {
    const [one, two] = [await window_(chrome, at, look), await window_(chrome, at, look)];
    await signIn(one, at, "operator");
    await signIn(two, at, "lead");
    await pressed(one, at, "home-0002");
    for (const page of [one, two]) {
      await page.waitForSelector(row);
      await page.click(row);
      await page.waitForSelector("#card [data-state=raised]");
    }
    await Promise.all([one.keyboard.press("a"), two.keyboard.press("a")]);
    for (const page of [one, two]) await page.waitForSelector("#card [data-state=claimed]");
    const told = async (page) => (await page.locator("#act-problem").isVisible().catch(() => false)) || !(await page.locator("#card [data-dialog=report]").isVisible().catch(() => false));
    await until(async () => (await told(one)) !== (await told(two)), "exactly one of them to have it");
    must(two.faults.length === 0, two.faults.join("; "));
    await two.context().close();
    return one;
  },

  async "a reload in the middle keeps the place and the words"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    await pressed(page, at, "home-0003");
    await page.click(row);
    await page.waitForSelector("#card [data-state=raised]");
    await page.keyboard.press("a");
    await page.waitForSelector("#card [data-state=claimed]");
    await page.keyboard.press("n");
    await page.fill("#dialog-report textarea", "half a sentence");
    await page.reload();
    await page.waitForSelector("#card [data-state=claimed]");
    await page.keyboard.press("n");
    must((await page.inputValue("#dialog-report textarea")) === "half a sentence", "the words are still there");
    await page.keyboard.press("Escape");
    return page;
  },

  async "a connection that is lost is shown, and what came meanwhile is there afterwards"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    await pressed(page, at, "home-0004");
    await page.context().setOffline(true);
    at.freeze();
    await page.waitForSelector("#lost:not([hidden])");
    at.thaw();
    at.press("home-0005");
    at.press("home-0006", "smoke");
    await page.context().setOffline(false);
    await page.waitForSelector("#lost", { state: "hidden" });
    await until(async () => (await page.locator(row).count()) === 3, "nothing to be missed");
    return page;
  },

  async "a red alarm stands on top of a flood"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    const homes = [...Array(12).keys()].map((n) => `home-${String(n + 1).padStart(4, "0")}`);
    at.flood(homes.slice(1).map((home) => `care/v1/${home}/leak-1/water_leak`));
    await until(async () => (await page.locator(row).count()) === 11, "the flood");
    at.press("home-0001");
    await until(async () => (await page.locator(row).first().getAttribute("data-level")) === "red", "the red one on top");
    return page;
  },
};
