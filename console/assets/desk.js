// The duty desk: keeps queue and card fresh, keys, dialogs, sound.

import { now, setNow, tick } from "./clocks.js";
import { follow, parts, post, reveals } from "./live.js";
import { begin, callUp, loud } from "./shift.js";
import * as sound from "./sound.js";

const $ = (id) => document.getElementById(id);
const [queue, card, side] = [$("queue"), $("card"), $("side")];
const chosen = () => card.querySelector("[data-alarm]")?.dataset.alarm ?? null;
const rows = () => [...queue.querySelectorAll("a[data-alarm]")];
/** The alarm that is on the card or on its way there. */
let wanted = chosen();

// --- keeping fresh -------------------------------------------------------------------------------------------------

/**
 * Runs `work` once now and once more if it was asked for meanwhile: never two at a time, nothing missed, and in a flood
 * no more than ten times a second.
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
      if (again) await new Promise((go) => setTimeout(go, Math.max(0, 100 - (Date.now() - began))));
    } while (again);
    running = null;
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running;
  };
}

/** Marks the row of the alarm that is on the card or on its way there: the server draws one queue for all. */
function mark(part) {
  for (const row of part.querySelectorAll("a[data-alarm]")) {
    if (row.dataset.alarm === wanted) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

/** Puts a part in place and keeps the focus where it was. */
function place(target, part) {
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  const held = focused && ["data-alarm", "data-verb", "data-dialog", "data-step", "data-reveal"].map((name) => [name, focused.getAttribute(name)]).find(([, value]) => value);
  const top = target.scrollTop;
  target.replaceChildren(part);
  target.scrollTop = top;
  if (held) target.querySelector(`[${held[0]}="${CSS.escape(held[1])}"]`)?.focus({ preventScroll: true });
  tick();
}

/** What a row says; its clock, which goes on by itself, and the mark of the chosen one left out. */
const words = (row) => row.outerHTML.replace(/<time.*?<\/time>/s, "").replace(' aria-current="true"', "");
const drawn = new WeakMap();

/** Puts the queue in place: rows that say the same stay where they are, so that a flood costs what is new in it. */
function placeQueue(part) {
  const [old, fresh] = [queue.querySelector("ol"), part.querySelector("ol")];
  if (!old || !fresh) return place(queue, part);
  const known = new Map([...old.children].map((row) => [row.firstElementChild.dataset.alarm, row]));
  let at = old.firstElementChild;
  for (const row of [...fresh.children]) {
    const text = words(row);
    const before = known.get(row.firstElementChild.dataset.alarm);
    const same = before && (drawn.get(before) ?? words(before)) === text;
    const shown = same ? before : row;
    drawn.set(shown, text);
    if (shown === at) at = at.nextElementSibling;
    else {
      const focused = !same && before?.contains(document.activeElement);
      old.insertBefore(shown, at);
      if (before && !same) {
        if (before === at) at = at.nextElementSibling;
        before.remove();
      }
      if (focused) shown.firstElementChild.focus({ preventScroll: true });
    }
  }
  while (at) {
    const gone = at;
    at = at.nextElementSibling;
    gone.remove();
  }
  queue.querySelector("h2").replaceWith(part.querySelector("h2"));
  const [more, now] = [queue.querySelector(".more"), part.querySelector(".more")];
  more?.remove();
  if (now) old.after(now);
  tick();
}

const freshQueue = once(async () => {
  const id = wanted;
  const fresh = await parts("/desk/queue" + (id ? `?alarm=${id}` : ""));
  if (!fresh) return;
  setNow(Number(fresh.queue.dataset.now));
  placeQueue(fresh.queue);
  mark(queue);
  $("lamps").replaceChildren(...fresh.lamps.childNodes);
  $("totals").textContent = fresh.totals.textContent;
  ring();
  if (!chosen() && rows()[0]) choose(rows()[0].dataset.alarm, false);
});

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
  mark(queue);
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

/** What sounds for the alarms that nobody has taken yet, and what is said to those who cannot see. */
function ring() {
  for (const row of rows()) {
    if (known.has(row.dataset.alarm)) continue;
    known.add(row.dataset.alarm);
    const what = row.querySelector(".what").innerText.replace(/\s+/g, " ");
    $("announce").textContent = document.body.dataset.newAlarm.replace("{what}", what);
    if (row.dataset.level === "red") escalate();
    else if (row.dataset.level !== "technical") sound.chime();
  }
  const red = rows().filter((row) => row.dataset.level === "red" && row.dataset.state === "raised").length;
  document.title = document.title.replace(/^\(\d+\) /, "");
  if (red) document.title = `(${red}) ${document.title}`;
  callUp(rows(), chosen());
}

function escalate() {
  loud(rows());
  callUp(rows(), chosen());
}
setInterval(() => loud(rows()), 5000);
setInterval(() => callUp(rows(), chosen()), 1000);
$("called-up")?.querySelector("button").addEventListener("click", (event) => {
  const id = event.target.dataset.alarm;
  if (id === chosen()) card.querySelector('[data-verb="claim"]')?.click();
  else choose(id).then(() => card.querySelector('[data-verb="claim"]')?.focus());
});
begin();

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

const draftKey = (form) => `draft:${chosen()}:${form.dataset.verb}:${form.elements.step?.value ?? ""}`;

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
  if (button.dataset.step) openStep(button.dataset.step);
  if (button.dataset.verb) {
    button.disabled = true;
    const [ok, answer] = await act(button.dataset.verb);
    button.disabled = false;
    if (!ok) complain(answer);
  }
});

/** Opens the sheet of a step: whom to call, and what came of it. */
function openStep(key) {
  const sheet = card.querySelector(`template[data-sheet="${CSS.escape(key)}"]`);
  if (!sheet) return;
  $("step-body").replaceChildren(sheet.content.cloneNode(true));
  openDialog("step");
  $("step-body").querySelector("[autofocus]")?.focus();
}

/** What is said after a call was asked for: beside its button in a dialog, else on the card. */
function tell(button, ok, words) {
  const line = button.closest("dialog")?.querySelector("[data-told]") ?? $("act-told");
  if (!line) return;
  line.className = ok ? "told" : "wrong";
  line.textContent = words;
  line.hidden = false;
}

// The operator's own phone rings first, then the other one is called. Or the platform calls a contact of the plan now.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-connect], [data-call-now]");
  const id = chosen();
  if (!button || !id) return;
  const { connect, callNow } = button.dataset;
  button.disabled = true;
  const [ok, answer] = connect
    ? await post(`/api/v1/alarms/${id}/connect`, { to: connect, id: button.dataset.id })
    : await post(`/api/v1/alarms/${id}/call-now`, { contact: callNow });
  button.disabled = false;
  const { connecting, calling } = document.body.dataset;
  tell(button, ok, ok ? (connect ? connecting : calling) : (answer.detail ?? ""));
  // Whichever authority was dialled is the one whose outcome is written down.
  const step = button.form?.elements.step;
  if (connect === "authority" && step) step.value = `authority/${button.dataset.id}`;
  if (!connect) freshCard();
});

$("help-open").addEventListener("click", () => $("dialog-help").showModal());

// --- keys ----------------------------------------------------------------------------------------------------------

const KEYS = {
  a: '[data-verb="claim"]',
  s: '[data-verb="skip"]',
  x: '[data-verb="stop"]',
  n: '[data-dialog="report"]',
  w: '[data-verb="on-the-way"]',
  c: '[data-dialog="close"]',
  h: '[data-dialog="hand-over"]',
  l: '[data-verb="let-go"]',
  m: '[data-dialog="notes"]',
};

/** Keys act on the chosen alarm: a card that is still on its way is waited for, and nothing is done if it does not come. */
async function settled() {
  if (wanted && wanted !== chosen()) await freshCard();
  return !wanted || wanted === chosen();
}

addEventListener("keydown", async (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") {
    const all = rows();
    // From where the key before led, drawn or not.
    const at = all.findIndex((row) => row.dataset.alarm === wanted);
    const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + (key === "j" ? 1 : -1)))];
    if (to) {
      to.focus();
      choose(to.dataset.alarm);
    }
  } else if (key === "?") {
    $("dialog-help").showModal();
  } else if (key === "e" || /^[1-9]$/.test(key)) {
    event.preventDefault();
    if (await settled()) openStep(key);
  } else if (KEYS[key]) {
    event.preventDefault();
    if (await settled()) card.querySelector(KEYS[key])?.click();
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
