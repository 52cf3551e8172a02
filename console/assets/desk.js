// The duty desk: keeps queue and card fresh, keys, dialogs, sound.

import { now, setNow, tick } from "./clocks.js";
import { follow, parts, post, reveals } from "./live.js";
import * as sound from "./sound.js";

const $ = (id) => document.getElementById(id);
const [queue, card, side] = [$("queue"), $("card"), $("side")];
const chosen = () => card.querySelector("[data-alarm]")?.dataset.alarm ?? null;
const rows = () => [...queue.querySelectorAll("a[data-alarm]")];

// --- keeping fresh -------------------------------------------------------------------------------------------------

/**
 * Runs `work` once now and once more if it was asked for meanwhile: never two at a time, nothing missed, and in a flood
 * no more than five times a second.
 */
function once(work) {
  let running = null;
  let again = false;
  const run = async () => {
    do {
      again = false;
      const began = Date.now();
      try {
        await work();
      } catch {
        /* the lost connection shows itself */
      }
      if (again) await new Promise((go) => setTimeout(go, Math.max(0, 200 - (Date.now() - began))));
    } while (again);
    running = null;
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running;
  };
}

/** Puts a part in place and keeps the focus where it was. */
function place(target, part) {
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  const mark = focused && ["data-alarm", "data-verb", "data-dialog", "data-reveal"].map((name) => [name, focused.getAttribute(name)]).find(([, value]) => value);
  const top = target.scrollTop;
  target.replaceChildren(part);
  target.scrollTop = top;
  if (mark) target.querySelector(`[${mark[0]}="${CSS.escape(mark[1])}"]`)?.focus({ preventScroll: true });
  tick();
}

const freshQueue = once(async () => {
  const id = chosen();
  const fresh = await parts("/desk/queue" + (id ? `?alarm=${id}` : ""));
  if (!fresh) return;
  setNow(Number(fresh.queue.dataset.now));
  place(queue, fresh.queue);
  $("lamps").replaceChildren(...fresh.lamps.childNodes);
  $("totals").textContent = fresh.totals.textContent;
  ring();
  if (!chosen() && rows()[0]) choose(rows()[0].dataset.alarm, false);
});

let wanted = chosen();
const freshCard = once(async () => {
  if (!wanted) return;
  const id = wanted;
  const fresh = await parts(`/desk/alarms/${id}`);
  if (!fresh || id !== wanted) return;
  const shown = side.querySelectorAll(".revealed").length > 0 && chosen() === id;
  place(card, fresh.card);
  if (!shown) place(side, fresh.side);
});

/** Puts an alarm on the card; its address goes into the history. */
function choose(id, push = true) {
  wanted = id;
  history[push ? "pushState" : "replaceState"](null, "", `/?alarm=${id}`);
  for (const row of rows()) {
    if (row.dataset.alarm === id) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  return freshCard();
}

addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("alarm") ?? rows()[0]?.dataset.alarm;
  if (id) choose(id, false);
});
// A reload comes back to the same alarm, and to the words begun about it.
if (wanted) history.replaceState(null, "", `/?alarm=${wanted}`);

queue.addEventListener("click", (event) => {
  const row = event.target.closest("a[data-alarm]");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(row.dataset.alarm).then(() => {
    if (innerWidth <= 760) card.scrollIntoView({ behavior: "smooth" });
  });
});

// --- sound ---------------------------------------------------------------------------------------------------------

const known = new Set(rows().map((row) => row.dataset.alarm));
const shift = $("shift");

/** What sounds for the alarms that nobody has taken yet, and what is said to those who cannot see. */
function ring() {
  for (const row of rows()) {
    if (known.has(row.dataset.alarm)) continue;
    known.add(row.dataset.alarm);
    const what = row.querySelector(".what").innerText.replace(/\s+/g, " ");
    $("announce").textContent = document.body.dataset.newAlarm.replace("{what}", what);
    if (row.dataset.level === "red") loud();
    else if (row.dataset.level !== "technical") sound.chime();
  }
  const red = rows().filter((row) => row.dataset.level === "red" && row.dataset.state === "raised").length;
  document.title = document.title.replace(/^\(\d+\) /, "");
  if (red) document.title = `(${red}) ${document.title}`;
}

/** The longer a red alarm waits, the louder: 30 s, 60 s, 180 s. */
function loud() {
  const waits = rows()
    .filter((row) => row.dataset.level === "red" && row.dataset.state === "raised")
    .map((row) => now() - Number(row.dataset.raised));
  if (!waits.length) return;
  const longest = Math.max(...waits);
  sound.alarm(longest > 180 ? 0.9 : longest > 60 ? 0.6 : longest > 30 ? 0.4 : 0.2);
}
setInterval(loud, 5000);

async function startShift() {
  if ((await sound.open()) && shift) {
    shift.textContent = shift.dataset.on;
    shift.classList.remove("primary");
    sessionStorage.setItem("shift", "on");
  }
  soundBar();
  sound.chime();
}

// After a reload in the middle of a shift the first touch of anything brings the sound back.
if (shift && sessionStorage.getItem("shift")) {
  const resume = () => {
    removeEventListener("pointerdown", resume, true);
    removeEventListener("keydown", resume, true);
    if (!sound.isOn()) startShift();
  };
  addEventListener("pointerdown", resume, true);
  addEventListener("keydown", resume, true);
}

function soundBar() {
  $("sound-bar").hidden = !shift || sound.isOn();
}
shift?.addEventListener("click", startShift);
$("sound-on").addEventListener("click", startShift);
setInterval(soundBar, 2000);
soundBar();

// --- acting --------------------------------------------------------------------------------------------------------

function complain(answer) {
  const line = $("act-problem");
  if (line) {
    line.textContent = answer.detail ?? answer.title ?? "";
    line.hidden = false;
  }
}

async function act(verb, body) {
  const id = chosen();
  if (!id) return [false, {}];
  const result = await post(`/api/v1/alarms/${id}/${verb}`, body);
  await freshCard();
  freshQueue();
  return result;
}

const draftKey = (form) => `draft:${chosen()}:${form.dataset.verb}`;

function openDialog(name) {
  const dialog = $(`dialog-${name}`);
  const form = dialog.querySelector("form");
  form.reset();
  for (const line of form.querySelectorAll(".wrong")) line.hidden = true;
  const text = form.querySelector("textarea");
  if (text) text.value = sessionStorage.getItem(draftKey(form)) ?? "";
  dialog.showModal();
}

for (const dialog of document.querySelectorAll("dialog")) {
  const form = dialog.querySelector("form");
  dialog.querySelector("[data-cancel]")?.addEventListener("click", () => dialog.close());
  form.addEventListener("input", (event) => {
    if (event.target.matches("textarea")) sessionStorage.setItem(draftKey(form), event.target.value);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  if (!form.dataset.verb) continue;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    submit.disabled = true;
    const [ok, answer] = await act(form.dataset.verb, Object.fromEntries(new FormData(form)));
    submit.disabled = false;
    if (ok) {
      sessionStorage.removeItem(draftKey(form));
      dialog.close();
    } else {
      const line = form.querySelector(".wrong");
      line.textContent = answer.detail ?? "";
      line.hidden = false;
    }
  });
}

card.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.dialog) openDialog(button.dataset.dialog);
  if (button.dataset.verb) {
    button.disabled = true;
    const [ok, answer] = await act(button.dataset.verb);
    button.disabled = false;
    if (!ok) complain(answer);
  }
});

$("help-open").addEventListener("click", () => $("dialog-help").showModal());

// --- keys ----------------------------------------------------------------------------------------------------------

const KEYS = {
  a: '[data-verb="claim"]',
  s: '[data-verb="skip"]',
  n: '[data-dialog="report"]',
  w: '[data-verb="on-the-way"]',
  c: '[data-dialog="close"]',
  h: '[data-dialog="hand-over"]',
  l: '[data-verb="let-go"]',
  m: '[data-dialog="notes"]',
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.alarm === chosen());
    const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + (key === "j" ? 1 : -1)))];
    if (to) {
      to.focus();
      choose(to.dataset.alarm);
    }
  } else if (key === "?") {
    $("dialog-help").showModal();
  } else if (KEYS[key]) {
    const button = card.querySelector(KEYS[key]);
    if (!button) return;
    event.preventDefault();
    button.click();
  }
});

// --- the stream ----------------------------------------------------------------------------------------------------

reveals(() => (chosen() && card.querySelector('[data-state="closed"]') === null ? "alarm" : "call_back"));
follow(
  (kind, data) => {
    freshQueue();
    if (kind !== "alarm" || data.id === wanted || data.home === card.querySelector("[data-home]")?.dataset.home) freshCard();
  },
  { onLost: sound.lost },
);
ring();
