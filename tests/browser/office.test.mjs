// Stories of the office in a browser: a liaison's phone at 390 px, a cut network, the month down to a name.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LIMIT_MS, PHONE, axeFinds, browse, fits, serve, signedIn, until } from "./harness.mjs";

let house, browser;

before(async () => {
  house = await serve("office");
  browser = await browse();
});

after(async () => {
  await browser?.close();
  house?.stop();
});

async function api(page, path) {
  const answer = await page.request.get(`${house.address}${path}`);
  assert.equal(answer.status(), 200, path);
  return answer.json();
}

async function fillIn(page, elder) {
  await page.click(`.person[data-elder="${elder}"] [data-record]`);
  const choose = (name, value) => page.locator(`#visit input[name="${name}"][value="${value}"]`).evaluate((radio) => radio.click());
  await choose("mode", "home");
  await choose("outcome", "met");
  for (const row of ["people", "speech", "movement", "illness", "mood", "personal_hygiene", "home_hygiene", "rooms"]) await choose(row, "same");
  for (const row of ["water", "electricity"]) await choose(row, "safe");
  await choose("gas", "unsafe");
  await page.selectOption("#visit select[name=reaction_worse]", "no");
  await page.fill("#visit textarea[name=reminded]", "离开厨房关火");
  await page.fill("#visit textarea[name=needs]", "更换燃气软管");
  // The visitor signs with a finger; the elder cannot.
  const pad = page.locator("#visit canvas[data-sign=visitor]");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  await page.mouse.move(box.x + 30, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + 120, box.y + 90, { steps: 5 });
  await page.mouse.up();
  await page.selectOption("#visit select[name=elder_missing]", "cannot_sign");
}

test("a liaison records a visit on a phone of 390 px", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "liaison", PHONE);
  await page.goto(`${house.address}/office/due`);
  assert.ok(await fits(page), "nothing is scrolled sideways");
  assert.deepEqual(await axeFinds(page), []);
  await fillIn(page, "elder-00");
  assert.deepEqual(await axeFinds(page), []);
  await page.screenshot({ path: process.env.SHOTS ? `${process.env.SHOTS}/visit.png` : undefined });
  await page.click("#visit button[type=submit]");
  await until(page, () => document.getElementById("queue").textContent.includes("已送达"));
  const { items } = await api(page, "/api/v1/visits?elder=elder-00");
  assert.equal(items.length, 1);
  assert.equal(items[0].state, "signed");
  assert.equal(items[0].record.form.number, 1);
  assert.deepEqual([items[0].record.asked.reaction_worse, items[0].record.asked.family_cares, items[0].record.asked.reminded], [false, null, "离开厨房关火"]);
  assert.match(items[0].record.form.visitor.screen, /^path:M\d+ \d+L/);
  const hazards = await api(page, "/api/v1/hazards?elder=elder-00");
  assert.equal(hazards.items.length, 1, "不安全 opens a hazard");
  assert.deepEqual(broken, []);
  await context.close();
});

test("a visit written without signal is kept and sent exactly once", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "liaison", PHONE);
  await page.goto(`${house.address}/office/due`);
  await context.setOffline(true);
  await fillIn(page, "elder-01");
  await page.click("#visit button[type=submit]");
  await until(page, () => document.getElementById("queue").textContent.includes("保存在本机"));
  assert.equal(await page.locator('.person[data-elder="elder-01"] .kept').isVisible(), true);
  assert.equal((await page.evaluate(() => JSON.parse(localStorage.getItem("hearthline-visits-liaison")))).length, 1);
  // The first answer gets lost on the way back: the phone must send again, and the platform must not take it twice.
  let sent = 0;
  await page.route("**/api/v1/visits/sync", async (route) => {
    sent += 1;
    if (sent === 1) {
      await route.fetch();
      await route.abort("connectionreset");
    } else {
      await route.continue();
    }
  });
  await context.setOffline(false);
  await until(page, () => localStorage.getItem("hearthline-visits-liaison") === null);
  assert.ok(sent >= 2, `sent ${sent} times`);
  const { items } = await api(page, "/api/v1/visits?elder=elder-01");
  assert.equal(items.length, 1, "one visit");
  assert.equal(items[0].version, 1, "written once");
  // Closing the page while there is no signal loses nothing either.
  await page.unroute("**/api/v1/visits/sync");
  await context.setOffline(true);
  await fillIn(page, "elder-02");
  await page.click("#visit button[type=submit]");
  await until(page, () => localStorage.getItem("hearthline-visits-liaison") !== null);
  await page.close();
  await context.setOffline(false);
  const again = await context.newPage();
  await again.goto(`${house.address}/office/due`);
  await until(again, () => localStorage.getItem("hearthline-visits-liaison") === null);
  assert.equal((await api(again, "/api/v1/visits?elder=elder-02")).items.length, 1);
  assert.deepEqual(broken, []);
  await context.close();
});

test("a home is surveyed without signal and taken exactly once", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "liaison", PHONE);
  await page.goto(`${house.address}/office/surveys`);
  const lay = page.locator('form[method=post][action="/office/surveys"]').first();
  await lay.locator("button[type=submit]").click();
  await page.waitForSelector(".person[data-home]");
  assert.ok(await fits(page), "nothing is scrolled sideways");
  assert.deepEqual(await axeFinds(page), []);
  await page.screenshot({ path: process.env.SHOTS ? `${process.env.SHOTS}/surveys.png` : undefined });
  const home = await page.locator(".person[data-home]").first().getAttribute("data-home");
  const card = page.locator(`.person[data-home="${home}"]`);
  await context.setOffline(true);
  // Without words nothing is kept where somebody was in.
  await card.locator("button[value=done]").click();
  assert.equal(await card.locator(".wrong").isVisible(), true);
  await card.locator("textarea").fill("两位老人，燃气软管老化");
  await card.locator("input[name=found]").fill("2");
  await card.locator("button[value=done]").click();
  await until(page, () => document.getElementById("queue").textContent.includes("保存在本机"));
  assert.equal(await card.locator(".kept").isVisible(), true);
  // The first answer gets lost on the way back.
  let sent = 0;
  await page.route("**/api/v1/surveys/sync", async (route) => {
    sent += 1;
    if (sent === 1) {
      await route.fetch();
      await route.abort("connectionreset");
    } else {
      await route.continue();
    }
  });
  await context.setOffline(false);
  await until(page, () => localStorage.getItem("hearthline-surveys-liaison") === null);
  assert.ok(sent >= 2, `sent ${sent} times`);
  const { items } = await api(page, "/api/v1/surveys?state=done");
  assert.equal(items.length, 1);
  assert.equal(items[0].version, 2, "written once");
  assert.equal(items[0].record.went.length, 1);
  assert.deepEqual(broken, []);
  await context.close();
});

test("an incident on a phone begins with the numbers to dial, and ends with words", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "liaison", PHONE);
  await page.goto(`${house.address}/office/elders/elder-04/found`);
  assert.ok(await fits(page));
  assert.deepEqual(await axeFinds(page), []);
  await page.screenshot({ path: process.env.SHOTS ? `${process.env.SHOTS}/found.png` : undefined, fullPage: true });
  const incident = page.locator('form[action="/office/incidents"]');
  await incident.locator("textarea").fill("跌倒，意识不清");
  await incident.locator("button[type=submit]").click();
  await page.waitForSelector('.dial a[href="tel:120"]');
  await until(page, () => /\d+:\d\d/.test(document.querySelector(".dial [data-since]").textContent));
  assert.ok(await fits(page));
  assert.deepEqual(await axeFinds(page), []);
  await page.screenshot({ path: process.env.SHOTS ? `${process.env.SHOTS}/incident.png` : undefined, fullPage: true });
  await page.locator("form", { has: page.locator("input[name=did][value=emergency_call]") }).locator("button[type=submit]").click();
  await until(page, () => document.querySelector(".dial") === null);
  const close = page.locator("form", { has: page.locator("input[name=did][value=close]") });
  await close.locator("textarea").fill("已送医");
  await close.locator("button[type=submit]").click();
  await until(page, () => document.querySelector("input[name=did]") === null);
  const { items } = await api(page, "/api/v1/incidents?elder=elder-04");
  assert.equal(items[0].state, "closed");
  assert.equal(items[0].record.emergency.number, "120");
  assert.deepEqual(broken, []);
  await context.close();
});

test("what cannot be taken back is pressed twice", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "city");
  await page.goto(`${house.address}/office/elders/elder-05/rights`);
  const erase = page.locator('form[action$="/erase"]');
  await erase.locator("input[name=reason]").fill("本人要求");
  await erase.locator("input[name=confirm]").fill("elder-05");
  await erase.locator("button[type=submit]").click();
  await until(page, () => document.querySelector('form[action$="/erase"] button').textContent.includes("再按一次确认"));
  assert.equal((await api(page, "/api/v1/elders/elder-05")).record.name.length > 0, true, "once is not enough");
  await erase.locator("button[type=submit]").click();
  await page.waitForSelector("p.told");
  assert.equal((await page.request.get(`${house.address}/api/v1/elders/elder-05`)).status(), 404);
  assert.deepEqual(broken, []);
  await context.close();
});

test("two who record the same visit are shown to each other", { timeout: 4 * LIMIT_MS }, async () => {
  for (const who of ["liaison", "guide"]) {
    const { page, context } = await signedIn(browser, house.address, who, PHONE);
    await page.goto(`${house.address}/office/due`);
    await fillIn(page, "elder-03");
    await page.click("#visit button[type=submit]");
    await until(page, () => document.getElementById("queue").textContent.includes("已送达"));
    const told = await page.textContent("#queue");
    assert.equal(told.includes("liaison"), who === "guide", told);
    await context.close();
  }
});

test("the month is read down to a name, by keyboard, in both languages", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "city");
  await page.goto(`${house.address}/office`);
  assert.match(page.url(), /\/office\/months$/);
  await page.locator("#months td a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#report");
  for (const words of ["上门达标", "月探访（任一方式）", "其中仅远程", "设备在线覆盖"]) assert.ok((await page.textContent("#report")).includes(words), words);
  assert.deepEqual(await axeFinds(page), []);
  await page.locator("#report td a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#report");
  const name = page.locator("#still_owed td a, #home_missed td a").first();
  const who = await name.textContent();
  await name.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#visits");
  assert.equal(await page.textContent("main h1"), who);
  await page.click(".preferences button[title*='English']");
  await until(page, () => document.documentElement.lang === "en");
  assert.ok((await page.textContent("main")).includes("First contact"));
  assert.deepEqual(broken, []);
  await context.close();
});

test("every page of the office is clean by axe, in both themes, and fits a phone", { timeout: 6 * LIMIT_MS }, async () => {
  const paths = ["due", "elders", "elders/elder-01", "elders/elder-01/edit", "elders/elder-01/life", "elders/elder-01/found", "elders/elder-01/rights", "elders/elder-01/copies", "elders/elder-01/standing", "surveys", "visitors", "copies", "months", "follow-ups", "hazards", "needs", "incidents", "referrals", "department", "department?department=housing", "desks", "samples", "findings", "flags", "events", "import", "export/province", "policy", "retention"];
  for (const colorScheme of ["light", "dark"]) {
    const { page, context, broken } = await signedIn(browser, house.address, "city", { ...PHONE, colorScheme });
    for (const path of paths) {
      await page.goto(`${house.address}/office/${path}`);
      assert.deepEqual(await axeFinds(page), [], `${path} ${colorScheme}`);
      assert.ok(await fits(page), `${path} fits`);
    }
    assert.deepEqual(broken, []);
    await context.close();
  }
});

test("a list is looked at, then written", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context, broken } = await signedIn(browser, house.address, "guide");
  await page.goto(`${house.address}/office/import`);
  const csv = "姓名,身份证号码,联系电话,对象类型\n李阿婶,11010519491231002X,13800007777,独居\n错号,110105194912310021,,\n";
  await page.setInputFiles("#import input[type=file]", { name: "名册.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await page.click("#import button[type=submit]");
  await page.waitForSelector("#apply");
  const text = await page.textContent("#preview");
  assert.ok(text.includes("新增 1 人") && text.includes("校验码不符"), text);
  await page.click("#apply");
  await until(page, () => document.getElementById("preview").textContent.includes("已写入 1 人"));
  const { items } = await api(page, "/api/v1/elders?text=李阿婶");
  assert.equal(items.length, 1);
  assert.deepEqual(broken, []);
  await context.close();
});

test("the forms print on A4, a page a sheet, with rare characters", { timeout: 4 * LIMIT_MS }, async () => {
  const { page, context } = await signedIn(browser, house.address, "city");
  await page.goto(`${house.address}/office/elders/elder-01/annex-1`);
  assert.ok((await page.textContent("section")).includes("林喆堃"));
  const pdf = await page.pdf({ preferCSSPageSize: true });
  assert.equal(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length, 2, "two copies, two pages");
  // A missing glyph is as wide as any other missing glyph; these three are drawn, and each differently.
  const drawn = await page.evaluate(() => {
    const pen = document.createElement("canvas").getContext("2d");
    const draw = (text) => {
      pen.clearRect(0, 0, 60, 60);
      pen.font = `40px ${getComputedStyle(document.body).fontFamily}`;
      pen.fillText(text, 5, 45);
      return pen.getImageData(0, 0, 60, 60).data.join("");
    };
    return ["喆", "堃", "𬭎", "\u{10ffff}"].map(draw);
  });
  assert.equal(new Set(drawn).size, 4);
  await context.close();
});
