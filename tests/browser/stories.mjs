// What people do at the console, walked in a real browser. Each story gets a house of its own.

import { must, signIn, until, window_ } from "./lib.mjs";

const row = "#queue a[data-alarm]";

async function pressed(page, at, home, signal = "call") {
  const before = await page.locator(row).count();
  at.press(home, signal);
  await until(async () => (await page.locator(row).count()) > before, `the press in ${home} on the screen`);
}

/** Stops the platform's calls about every open alarm: for two minutes no contact answers and takes one away from the story. */
async function quiet(at) {
  for (const alarm of (await at.api("/api/v1/alarms")).body.items) await at.api(`/api/v1/alarms/${alarm.id}/stop`, {});
}

/** What the house of a story needs beside the usual. */
export const HOUSES = {
  "500 alarms come at once, and a red one stands on top": ["--homes", "501"],
};

/** What measures how soon something is seen: the machine is its own. */
export const ALONE = new Set(["500 alarms come at once, and a red one stands on top", "a red alarm stands on top of a flood"]);

export const STORIES = {
  async "press, sound, claim, report, close"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    must(await page.locator("#sound-bar").isVisible(), "without a shift the bar says that there is no sound");
    await page.click("#shift");
    await until(() => page.locator("#sound-bar").isHidden(), "the sound");
    await pressed(page, at, "home-0001");
    await quiet(at);
    await until(async () => (await page.locator("#announce").textContent()) !== "", "the new alarm to be said");
    must((await page.title()).startsWith("(1)"), "the title counts red alarms");
    await page.keyboard.press("j");
    await page.waitForSelector("#card [data-state=raised]");
    await page.keyboard.press("a");
    await page.waitForSelector("#card [data-state=claimed]");
    // The first step is the elder: called by the own phone, and what came of it.
    await page.keyboard.press("1");
    await page.waitForSelector("#dialog-step[open] [data-connect=elder]");
    await page.click("#dialog-step [data-connect=elder]");
    await page.waitForSelector("#dialog-step [data-told]:not([hidden])");
    await page.check("#dialog-step input[value=needs_help]");
    await page.click("#dialog-step [type=submit]");
    await page.waitForSelector("#card .steps li.done");
    // The emergency numbers take one key and one confirmation; the address is there to be read out.
    await page.keyboard.press("e");
    await page.waitForSelector("#dialog-step[open] .read-out dd");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#dialog-step [data-told].told:not([hidden])");
    await page.check("#dialog-step input[value=sent]");
    await page.click("#dialog-step [type=submit]");
    await until(async () => (await page.locator("#card .steps li.done").count()) === 2, "two steps done");
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
    await quiet(at);
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

  async "the desk is walked by keyboard alone"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    await pressed(page, at, "home-0001");
    await pressed(page, at, "home-0002", "smoke");
    // Two presses without waiting: the second counts from where the first led, not from what is drawn already.
    const [first, second] = await page.locator(row).evaluateAll((rows) => rows.map((row) => row.dataset.alarm));
    const onCard = (id, what) => until(async () => (await page.locator("#card [data-alarm]").getAttribute("data-alarm").catch(() => null)) === id, what);
    await onCard(first, "the first alarm on the card");
    await page.keyboard.press("j");
    await onCard(second, "J to move down");
    await page.keyboard.press("k");
    await onCard(first, "K to move up");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("j");
    await onCard(second, "J, K and J at once to lead down");
    await page.keyboard.press("x");
    await until(() => page.locator('#card [data-verb="stop"]').count().then((n) => n === 0), "X to stop the calls");
    await page.keyboard.press("s");
    await until(async () => !(await page.locator("#card .now").textContent()).includes(look.language === "zh" ? "自动呼叫已停止" : "Calls are stopped"), "S to go on");
    await page.keyboard.press("a");
    await page.waitForSelector("#card [data-state=claimed]");
    await page.keyboard.press("2");
    await page.waitForSelector("#dialog-step[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#dialog-step", { state: "hidden" });
    await page.keyboard.press("?");
    await page.waitForSelector("#dialog-help[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#dialog-help", { state: "hidden" });
    // Everything that a mouse can hit is reached by Tab, and the focus is seen.
    const reached = new Set();
    for (let i = 0; i < 200 && reached.size < 4; i += 1) {
      await page.keyboard.press("Tab");
      const part = await page.evaluate(() => document.activeElement.closest("#card, #queue, #side, header")?.id || document.activeElement.closest("header")?.className);
      if (part) reached.add(part);
    }
    for (const part of ["card", "queue", "side", "frame"]) must(reached.has(part), `Tab never comes to ${part}`);
    return page;
  },

  async "a red alarm that nobody takes is called up by name, and a shift is handed over"(chrome, at, look) {
    const [one, two] = [await window_(chrome, at, look), await window_(chrome, at, look)];
    await signIn(one, at, "operator");
    await signIn(two, at, "lead");
    await one.click("#shift");
    await until(async () => (await at.api("/api/v1/shifts")).body.on.length === 1, "the shift to begin");
    await pressed(one, at, "home-0001");
    await quiet(at);
    await one.waitForSelector("#called-up:not([hidden])");
    // Wherever in the console one happens to be.
    await one.goto(`${at.url}/homes`);
    await one.waitForSelector("#called-up:not([hidden])");
    await one.click("#called-up button");
    await one.waitForSelector("#card [data-state=raised]");
    await one.waitForSelector("#called-up:not([hidden])");
    await one.click("#called-up button");
    await one.waitForSelector("#card [data-state=claimed]");
    await one.waitForSelector("#called-up", { state: "hidden" });
    await one.goto(`${at.url}/watch/shift`);
    await one.fill("#end textarea", "女儿今晚到");
    await one.click("#end [type=submit]");
    await two.goto(`${at.url}/watch/shift`);
    await two.locator("form[action*=take] [type=submit]").click();
    await until(async () => (await at.api("/api/v1/alarms")).body.items[0].claimed_by === "lead", "the alarm to change hands");
    must(two.faults.length === 0, two.faults.join("; "));
    await two.context().close();
    return one;
  },

  async "a drill shows on every page and a real press is called all the same"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at, "lead");
    await page.goto(`${at.url}/watch/drill`);
    await page.click("#start [type=submit]");
    await page.waitForSelector("#drill");
    await page.click("#alarm [type=submit]");
    await page.waitForSelector("#card .chip");
    await pressed(page, at, "home-0001");
    const open = (await at.api("/api/v1/alarms")).body.items;
    must(open.length === 2 && open.filter((a) => a.test).length === 1, "one drill and one real alarm");
    must(open.find((a) => !a.test).attempts.length > 0, "the real one is called");
    await page.goto(`${at.url}/homes`);
    must(await page.locator("#drill").isVisible(), "the banner is there");
    await page.goto(`${at.url}/watch/drill`);
    await page.click("#end [type=submit]");
    await until(async () => (await at.api("/api/v1/alarms")).body.items.length === 1, "the drill's alarm to be closed");
    return page;
  },

  async "500 alarms come at once, and a red one stands on top"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    await at.flood([...Array(500).keys()].map((n) => `care/v1/home-${String(n + 2).padStart(4, "0")}/leak-1/water_leak`));
    await until(async () => Number(await page.locator("#queue h2 b").textContent()) === 500, "the flood");
    at.press("home-0001");
    const began = Date.now();
    await until(async () => (await page.locator(row).first().getAttribute("data-level")) === "red", "the red one on top");
    console.log(`  the red one stood on top after ${Date.now() - began} ms`);
    return page;
  },

  async "a red alarm stands on top of a flood"(chrome, at, look) {
    const page = await window_(chrome, at, look);
    await signIn(page, at);
    const homes = [...Array(12).keys()].map((n) => `home-${String(n + 1).padStart(4, "0")}`);
    await at.flood(homes.slice(1).map((home) => `care/v1/${home}/leak-1/water_leak`));
    await until(async () => (await page.locator(row).count()) === 11, "the flood");
    at.press("home-0001");
    await until(async () => (await page.locator(row).first().getAttribute("data-level")) === "red", "the red one on top");
    return page;
  },
};
