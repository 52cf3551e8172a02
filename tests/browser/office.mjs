// Stories of the office: a liaison's phone at 390 px, a cut network, the month down to a name. Each story gets a town of its own.

import { PHONE, fits, must, signIn, until, violations, window_ } from "./lib.mjs";

async function open(chrome, at, look, who, more = {}) {
  const page = await window_(chrome, at, { ...look, ...more });
  await signIn(page, at, who);
  return page;
}

async function api(page, at, path) {
  const answer = await page.request.get(`${at.url}${path}`);
  must(answer.status() === 200, `${path}: ${answer.status()}`);
  return answer.json();
}

async function clean(page, what) {
  const wrong = await violations(page);
  must(wrong.length === 0, `${what}: ${wrong.join("; ")}`);
  must(await fits(page), `${what}: something is scrolled sideways`);
}

const holds = (page, look, argument) => until(() => page.evaluate(look, argument).catch(() => false), `${look} ${argument ?? ""}`);
/** Waits until the bar of the page says a thing, in the language of the page. */
const said = (page, what) => holds(page, (what) => {
  const bar = document.getElementById("queue");
  const words = bar.dataset[what].split(/\{\w+\}/).filter(Boolean);
  return words.every((part) => bar.textContent.includes(part));
}, what);

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

export const OFFICE = {
  async "a liaison records a visit on a phone of 390 px"(chrome, at, look) {
    const page = await open(chrome, at, look, "liaison", PHONE);
    await page.goto(`${at.url}/office/due`);
    await clean(page, "the list");
    await fillIn(page, "elder-00");
    await clean(page, "the form");
    await page.click("#visit button[type=submit]");
    await said(page, "sent");
    const { items } = await api(page, at, "/api/v1/visits?elder=elder-00");
    must(items.length === 1 && items[0].state === "signed" && items[0].record.form.number === 1, `one signed visit: ${JSON.stringify(items)}`);
    const { reaction_worse, family_cares, reminded } = items[0].record.asked;
    must(reaction_worse === false && family_cares === null && reminded === "离开厨房关火", `what was asked beside the rows: ${JSON.stringify(items[0].record.asked)}`);
    must(/^path:M\d+ \d+L/.test(items[0].record.form.visitor.screen), "the drawn signature");
    const hazards = await api(page, at, "/api/v1/hazards?elder=elder-00");
    must(hazards.items.length === 1, "不安全 opens a hazard");
    return page;
  },

  async "a visit written without signal is kept and sent exactly once"(chrome, at, look) {
    const page = await open(chrome, at, look, "liaison", PHONE);
    const context = page.context();
    await page.goto(`${at.url}/office/due`);
    await context.setOffline(true);
    await fillIn(page, "elder-01");
    await page.click("#visit button[type=submit]");
    await said(page, "waiting");
    must(await page.locator('.person[data-elder="elder-01"] .kept').isVisible(), "the card says that it is kept");
    must((await page.evaluate(() => JSON.parse(localStorage.getItem("hearthline-visits-liaison")))).length === 1, "one is kept");
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
    await holds(page, () => localStorage.getItem("hearthline-visits-liaison") === null);
    must(sent >= 2, `sent ${sent} times`);
    const { items } = await api(page, at, "/api/v1/visits?elder=elder-01");
    must(items.length === 1, "one visit");
    must(items[0].version === 1, "written once");
    // Closing the page while there is no signal loses nothing either.
    await page.unroute("**/api/v1/visits/sync");
    await context.setOffline(true);
    await fillIn(page, "elder-02");
    await page.click("#visit button[type=submit]");
    await holds(page, () => localStorage.getItem("hearthline-visits-liaison") !== null);
    must(page.faults.length === 0, page.faults.join("; "));
    await page.close();
    await context.setOffline(false);
    const again = await context.newPage();
    await again.goto(`${at.url}/office/due`);
    await holds(again, () => localStorage.getItem("hearthline-visits-liaison") === null);
    must((await api(again, at, "/api/v1/visits?elder=elder-02")).items.length === 1, "the visit of the closed page");
    again.faults = page.faults;
    return again;
  },

  async "a home is surveyed without signal and taken exactly once"(chrome, at, look) {
    const page = await open(chrome, at, look, "liaison", PHONE);
    const context = page.context();
    await page.goto(`${at.url}/office/surveys`);
    const lay = page.locator('form[method=post][action="/office/surveys"]').first();
    await lay.locator("button[type=submit]").click();
    await page.waitForSelector(".person[data-home]");
    await clean(page, "the surveys");
    const home = await page.locator(".person[data-home]").first().getAttribute("data-home");
    const card = page.locator(`.person[data-home="${home}"]`);
    await context.setOffline(true);
    // Without words nothing is kept where somebody was in.
    await card.locator("button[value=done]").click();
    must(await card.locator(".wrong").isVisible(), "words are asked for");
    await card.locator("textarea").fill("两位老人，燃气软管老化");
    await card.locator("input[name=found]").fill("2");
    await card.locator("button[value=done]").click();
    await said(page, "waiting");
    must(await card.locator(".kept").isVisible(), "the card says that it is kept");
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
    await holds(page, () => localStorage.getItem("hearthline-surveys-liaison") === null);
    must(sent >= 2, `sent ${sent} times`);
    const { items } = await api(page, at, "/api/v1/surveys?state=done");
    must(items.length === 1 && items[0].version === 2 && items[0].record.went.length === 1, `written once: ${JSON.stringify(items)}`);
    return page;
  },

  async "an incident on a phone begins with the numbers to dial, and ends with words"(chrome, at, look) {
    const page = await open(chrome, at, look, "liaison", PHONE);
    await page.goto(`${at.url}/office/elders/elder-04/found`);
    await clean(page, "what was found");
    const incident = page.locator('form[action="/office/incidents"]');
    await incident.locator("textarea").fill("跌倒，意识不清");
    await incident.locator("button[type=submit]").click();
    await page.waitForSelector('.dial a[href="tel:120"]');
    await holds(page, () => /\d+:\d\d/.test(document.querySelector(".dial [data-since]").textContent));
    await clean(page, "the incident");
    await page.locator("form", { has: page.locator("input[name=did][value=emergency_call]") }).locator("button[type=submit]").click();
    await holds(page, () => document.querySelector(".dial") === null);
    const close = page.locator("form", { has: page.locator("input[name=did][value=close]") });
    await close.locator("textarea").fill("已送医");
    await close.locator("button[type=submit]").click();
    await holds(page, () => document.querySelector("input[name=did]") === null);
    const { items } = await api(page, at, "/api/v1/incidents?elder=elder-04");
    must(items[0].state === "closed" && items[0].record.emergency.number === "120", JSON.stringify(items[0]));
    return page;
  },

  async "what cannot be taken back is pressed twice"(chrome, at, look) {
    const page = await open(chrome, at, look, "city");
    await page.goto(`${at.url}/office/elders/elder-05/rights`);
    const erase = page.locator('form[action$="/erase"]');
    await erase.locator("input[name=reason]").fill("本人要求");
    await erase.locator("input[name=confirm]").fill("elder-05");
    await erase.locator("button[type=submit]").click();
    await page.waitForSelector('form[action$="/erase"] button[data-armed]');
    must((await api(page, at, "/api/v1/elders/elder-05")).record.name.length > 0, "once is not enough");
    await erase.locator("button[type=submit]").click();
    await page.waitForSelector("p.told");
    must((await page.request.get(`${at.url}/api/v1/elders/elder-05`)).status() === 404, "the file is gone");
    return page;
  },

  async "two who record the same visit are shown to each other"(chrome, at, look) {
    let last = null;
    for (const who of ["liaison", "guide"]) {
      await last?.context().close();
      const page = await open(chrome, at, look, who, PHONE);
      await page.goto(`${at.url}/office/due`);
      await fillIn(page, "elder-03");
      await page.click("#visit button[type=submit]");
      await said(page, "sent");
      const told = await page.textContent("#queue");
      must(told.includes("liaison") === (who === "guide"), told);
      last = page;
    }
    return last;
  },

  async "the month is read down to a name, by keyboard, and in the other language"(chrome, at, look) {
    const page = await open(chrome, at, look, "city");
    await page.goto(`${at.url}/office`);
    must(page.url().endsWith("/office/months"), page.url());
    await page.locator("#months td a").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#report");
    const columns = { zh: ["上门达标", "月探访（任一方式）", "其中仅远程", "设备在线覆盖"], en: ["Home visits met", "Reached by any mode", "Remote only", "Device cover"] };
    for (const words of columns[look.language]) must((await page.textContent("#report")).includes(words), words);
    await clean(page, "the report");
    await page.locator("#report td a").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/area=/);
    await page.waitForSelector("#report");
    const name = page.locator("#still_owed td a, #home_missed td a").first();
    const who = await name.textContent();
    await name.focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#visits");
    must((await page.textContent("main h1")) === who, who);
    const other = look.language === "zh" ? "en" : "zh";
    await page.click(`.preferences input[name=language][value=${other}] + button`);
    await holds(page, (other) => document.documentElement.lang.startsWith(other), other);
    must((await page.textContent("main")).includes(other === "en" ? "First contact" : "第一探访联系人"), "the file in the other language");
    return page;
  },

  async "a list is looked at, then written"(chrome, at, look) {
    const page = await open(chrome, at, look, "guide");
    await page.goto(`${at.url}/office/import`);
    const csv = "姓名,身份证号码,联系电话,对象类型\n李阿婶,11010519491231002X,13800007777,独居\n错号,110105194912310021,,\n";
    await page.setInputFiles("#import input[type=file]", { name: "名册.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    await page.click("#import button[type=submit]");
    await page.waitForSelector("#apply");
    const text = await page.textContent("#preview");
    for (const words of look.language === "zh" ? ["新增 1 人", "校验码不符"] : ["1 new", "check digit"]) must(text.includes(words), text);
    await page.click("#apply");
    await holds(page, (words) => document.getElementById("preview").textContent.includes(words), look.language === "zh" ? "已写入 1 人" : "1 written");
    const { items } = await api(page, at, "/api/v1/elders?text=李阿婶");
    must(items.length === 1, "the new elder is found");
    return page;
  },

  async "the forms print on A4, a page a sheet, with rare characters"(chrome, at, look) {
    const page = await open(chrome, at, look, "city");
    await page.goto(`${at.url}/office/elders/elder-01/annex-1`);
    must((await page.textContent("section")).includes("林喆堃"), "the name");
    const pdf = await page.pdf({ preferCSSPageSize: true });
    must(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length === 2, "two copies, two pages");
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
    must(new Set(drawn).size === 4, "each of them is drawn");
    return page;
  },
};
