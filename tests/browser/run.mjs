// node run.mjs [PATTERN]: the stories and every page, each in both languages and themes. A story that fails is tried once
// more, in a new house, and is said to be flaky if it passes then. What waits for time rather than for the machine runs at
// once; what measures time runs alone.

import { browser, fits, house, must, owned, signIn, town, until, violations, window_ } from "./lib.mjs";
import { OFFICE } from "./office.mjs";
import { OFFICE_PAGES, PAGES } from "./pages.mjs";
import { ALONE, HOUSES, STORIES } from "./stories.mjs";

const LOOKS = ["zh", "en"].flatMap((language) => ["light", "dark"].map((theme) => ({ language, theme })));
const AT_ONCE = 3;
const pattern = new RegExp(process.argv[2] ?? "");
const chrome = await browser();
let passed = 0;
let failed = 0;

async function test(name, work) {
  if (!pattern.test(name)) return;
  for (const last of [false, true]) {
    const began = Date.now();
    try {
      await work();
      console.log(`ok ${name} (${Date.now() - began} ms)${last ? " FLAKY: only the second time" : ""}`);
      passed += 1;
      return;
    } catch (error) {
      console.log(`${last ? "not ok" : "once more"} ${name}\n  ${String(error.stack ?? error).split("\n").slice(0, 6).join("\n  ")}`);
    }
  }
  failed += 1;
}

/** Works all of these off, so many at a time. */
async function worked(works, atOnce) {
  const left = [...works];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let work = left.shift(); work; work = left.shift()) await work();
  }));
}

const stories = [
  ...Object.entries(STORIES).map(([name, story]) => [name, story, () => house(...(HOUSES[name] ?? []))]),
  ...Object.entries(OFFICE).map(([name, story]) => [name, story, town]),
];
const told = (wanted) =>
  stories.filter(([name]) => ALONE.has(name) === wanted).flatMap(([name, story, begin]) =>
    LOOKS.map((look) => () =>
      test(`${name} [${look.language} ${look.theme}]`, async () => {
        const at = await begin();
        const windows = owned(chrome);
        try {
          const page = await story(windows, at, look);
          must(page.faults.length === 0, page.faults.join("; "));
        } finally {
          await windows.close();
          await at.end();
        }
      }),
    ),
  );
await worked(told(false), AT_ONCE);
await worked(told(true), 1);

/** Controls that are smaller than 24 px, links within sentences left out (WCAG 2.5.8). */
const small = () =>
  [...document.querySelectorAll("button, input, select, textarea, a[href]")]
    .filter((e) => e.checkVisibility?.() && !e.closest(".hidden, p, li, td, dd, label"))
    .map((e) => [e, e.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(([e, box]) => `${e.outerHTML.slice(0, 80)} ${Math.round(box.width)}x${Math.round(box.height)}`);

/** Every page of a list in every look, on a desk and on a phone. */
async function looked(at, list, whole) {
  const inALook = async (look) => {
    const pages = new Map();
    for (const { path, who } of list) {
      await test(`${path} [${look.language} ${look.theme}]`, async () => {
        let page = pages.get(who);
        if (!page) {
          page = await window_(chrome, at, look);
          if (who) await signIn(page, at, who);
          pages.set(who, page);
        }
        await page.setViewportSize({ width: 1440, height: 900 });
        await page.goto(at.url + whole(path));
        await page.waitForSelector("main");
        const wrong = await violations(page);
        must(wrong.length === 0, wrong.join("\n  "));
        must((await page.getAttribute("html", "lang")).startsWith(look.language), "the language of the page");
        const tiny = await page.evaluate(small);
        must(tiny.length === 0, `too small to hit: ${tiny.join("; ")}`);
        await page.setViewportSize({ width: 390, height: 844 });
        must(await fits(page), "on a phone something has to be scrolled sideways");
        must(page.faults.length === 0, page.faults.splice(0).join("; "));
      });
    }
    for (const page of pages.values()) await page.context().close();
  };
  await worked(LOOKS.map((look) => () => inALook(look)), 2);
}

if (PAGES.some(({ path }) => pattern.test(path))) {
  const at = await house();
  at.press("home-0001");
  const alarm = await until(async () => (await at.api("/api/v1/alarms")).body?.items?.[0]?.id, "an alarm");
  const month = new Date(Date.now() - 31 * 86_400_000).toISOString().slice(0, 7);
  const visit = (await at.api("/api/v1/visits?limit=1")).body.items[0].record.id;
  const elder = (await at.api("/api/v1/elders?limit=1")).body.items[0].id;
  await at.api("/api/v1/people", { id: "family", name: "女儿", role: "family", password: at.password });
  await at.api(`/api/v1/elders/${elder}/consents/share_family`, { state: "given", said_by: "本人", proof: { kind: "paper", kept: "社区" } });
  must((await at.api("/api/v1/people/family/elders", { elders: [elder] })).status === 200, "a family account");
  await looked(at, PAGES, (path) => path.replace("{alarm}", alarm).replace("{month}", month).replace("{visit}", visit));
  await at.end();
}
if (OFFICE_PAGES.some(({ path }) => pattern.test(path))) {
  const at = await town();
  await looked(at, OFFICE_PAGES, (path) => path);
  await at.end();
}

await chrome.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
