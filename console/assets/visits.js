// The due list on a phone: a visit goes by the outbox.

import { fill, identifier, outbox } from "./outbox.js";

const bar = document.getElementById("queue");
const dialog = document.getElementById("visit");
const form = dialog.querySelector("form");
const wrong = form.querySelector(".wrong");
const me = bar.dataset.me;
const said = new Map();
let open = null;

const card = (one) => document.querySelector(`.person[data-elder="${CSS.escape(one.record.elder)}"]`);

const box = outbox(`hearthline-visits-${me}`, {
  bar,
  refused: document.getElementById("refused"),
  id: (one) => one.record.id,
  card,
  say(waiting) {
    if (waiting > 0) bar.textContent = fill(bar.dataset.waiting, { n: waiting });
    else if (said.size > 0) bar.textContent = [...said.values()].join(" ");
    bar.hidden = waiting === 0 && said.size === 0;
  },
  buttons(one) {
    const again = document.createElement("button");
    again.textContent = bar.dataset.again;
    again.addEventListener("click", () => begin(card(one), one));
    return [again];
  },
  send,
});

// One after the other.
async function send() {
  for (const one of box.waiting()) {
    const response = await fetch("/api/v1/visits/sync", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ visits: [{ record: one.record, sign: true }] }),
    });
    if (response.status === 401 || response.status === 403) {
      said.set("out", bar.dataset.out);
      return;
    }
    if (!response.ok && response.status !== 400 && response.status !== 413 && response.status !== 422) return;
    const answer = response.ok ? (await response.json()).items[0] : { stored: false, zh: `HTTP ${response.status}`, en: `HTTP ${response.status}` };
    said.delete("out");
    if (answer.stored) {
      box.forget(one);
      const twins = (answer.twins ?? []).map((twin) => fill(bar.dataset.twin, { name: one.name, by: twin.visitor, at: new Date(twin.start).toLocaleString() }));
      said.set(one.record.id, [fill(bar.dataset.sent, { name: one.name }), ...twins].join(" "));
    } else {
      const why = document.documentElement.lang === "en" ? answer.en : answer.zh;
      box.keep(box.kept().map((visit) => (visit.record.id === one.record.id ? { ...visit, refused: why } : visit)));
    }
  }
}

// Local wall time for the form, and back to an instant.
function local(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

// The lines of a signature, as the d of an SVG path; a few kilobytes at most.
const drawn = new Map();
const DRAWN_MAX = 5_000;

for (const pad of form.querySelectorAll("canvas")) {
  const pen = pad.getContext("2d");
  pen.lineWidth = 2.5;
  pen.lineCap = "round";
  pen.strokeStyle = "#111";
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return [Math.round(((event.clientX - box.left) * pad.width) / box.width), Math.round(((event.clientY - box.top) * pad.height) / box.height)];
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    const [x, y] = at(event);
    pen.beginPath();
    pen.moveTo(x, y);
    drawn.set(pad.dataset.sign, `${drawn.get(pad.dataset.sign) ?? ""}M${x} ${y}`);
  });
  pad.addEventListener("pointermove", (event) => {
    const path = drawn.get(pad.dataset.sign) ?? "";
    if (event.buttons === 0 || path.length > DRAWN_MAX) return;
    const [x, y] = at(event);
    pen.lineTo(x, y);
    pen.stroke();
    drawn.set(pad.dataset.sign, `${path}L${x} ${y}`);
  });
}

function clear(who) {
  const pad = form.querySelector(`canvas[data-sign="${who}"]`);
  pad.getContext("2d").clearRect(0, 0, pad.width, pad.height);
  drawn.delete(who);
}

for (const button of form.querySelectorAll("[data-clear]")) button.addEventListener("click", () => clear(button.dataset.clear));

const value = (name) => form.elements[name]?.value ?? "";

// Parts of the form that are not asked for are switched off, so that the browser does not ask for them either.
function parts() {
  const outcome = value("outcome");
  const asked = { met: outcome === "met" || outcome === "proxy", no_answer: outcome === "no_answer", signed: value("mode") === "home" };
  for (const part of form.querySelectorAll("[data-part]")) {
    const outer = part.parentElement.closest("[data-part]");
    const on = asked[part.dataset.part] && (outer === null || asked[outer.dataset.part]);
    part.hidden = !on;
    for (const control of part.querySelectorAll("input, textarea, select")) {
      if (control.closest("[data-part]") === part) control.disabled = !on;
    }
  }
  for (const [name, values, extra] of [["people", ["more", "fewer"], "people_n"], ["illness", ["serious"], "illness_name"]]) {
    const on = asked.met && values.includes(value(name));
    form.elements[extra].closest("label").hidden = !on;
    form.elements[extra].required = on;
    form.elements[extra].disabled = !on;
  }
}

function begin(person, before) {
  if (!person) return;
  form.reset();
  for (const pad of form.querySelectorAll("canvas")) clear(pad.dataset.sign);
  wrong.hidden = true;
  open = { id: before?.record.id ?? identifier("v"), elder: person.dataset.elder, home: person.dataset.home, area: person.dataset.area, name: person.dataset.name, ended: false };
  document.getElementById("visit-name").textContent = open.name;
  const start = new Date();
  form.elements.start.value = local(before ? new Date(before.record.start) : start);
  form.elements.end.value = before?.record.end ? local(new Date(before.record.end)) : "";
  for (const [name, text] of Object.entries(before?.fields ?? {})) {
    const control = form.elements[name];
    if (!control) continue;
    if (control.type === "checkbox") control.checked = text === "on";
    else control.value = text;
  }
  parts();
  dialog.showModal();
  document.getElementById("visit-name").focus();
}

function signature(who) {
  const path = drawn.get(who);
  if (path) return { screen: `path:${path}` };
  const reason = value(`${who}_missing`);
  return reason ? { missing: reason } : null;
}

// What Annex 2 has no row for. What was not asked is not known.
function asked() {
  const answer = { yes: true, no: false };
  const asks = ["reaction_worse", "family_cares", "family_in_touch", "benefits_in_order"].map((name) => [name, answer[value(name)] ?? null]);
  const words = ["hardship", "reminded", "told", "helped"].map((name) => [name, value(name)]);
  return Object.fromEntries([...asks, ...words]);
}

function record() {
  const outcome = value("outcome");
  const mode = value("mode");
  const start = new Date(value("start"));
  const now = new Date().toISOString();
  const met = outcome === "met" || outcome === "proxy";
  const counted = { same: "same", more: { more: Number(value("people_n")) }, fewer: { fewer: Number(value("people_n")) } };
  const illness = { same: "same", better: "better", serious: { serious: value("illness_name") } };
  const filled = met
    ? {
        people: counted[value("people")],
        illness: illness[value("illness")],
        ...Object.fromEntries(["speech", "movement", "mood", "gas", "water", "electricity", "personal_hygiene", "home_hygiene", "rooms"].map((row) => [row, value(row)])),
        needs: value("needs"),
        visitor: mode === "home" ? signature("visitor") : null,
        elder: mode === "home" ? signature("elder") : null,
      }
    : {};
  return {
    id: open.id,
    elder: open.elder,
    home: open.home,
    area: open.area,
    visitor: me,
    mode,
    origin: "regular",
    start: start.toISOString(),
    end: new Date(value("end")).toISOString(),
    outcome,
    form: { mode, date: value("start").slice(0, 10), ...filled },
    asked: met ? asked() : {},
    no_answer:
      outcome === "no_answer"
        ? {
            called_elder: form.elements.called_elder.checked,
            called_family: form.elements.called_family.checked,
            asked_neighbours: form.elements.asked_neighbours.checked,
            told_liaison: form.elements.told_liaison.checked,
            result: value("result"),
            safe_by: value("safe_by"),
          }
        : null,
    recorded_at: now,
    recorded_by: me,
  };
}

form.addEventListener("change", (event) => {
  if (event.target.name === "end") open.ended = true;
  parts();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const written = record();
  if (written.mode === "home" && (written.outcome === "met" || written.outcome === "proxy") && !(written.form.visitor && written.form.elder)) {
    wrong.textContent = document.querySelector("[data-sign]").getAttribute("aria-label");
    wrong.hidden = false;
    return;
  }
  const fields = Object.fromEntries(new FormData(form));
  dialog.close();
  box.add({ name: open.name, record: written, fields });
});

// The end is when it is signed, unless somebody has typed another one.
form.querySelector("[value=sign]").addEventListener("click", () => {
  if (!open.ended && form.elements.end.value === "") form.elements.end.value = local(new Date());
});

form.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
for (const button of document.querySelectorAll("[data-record]")) button.addEventListener("click", () => begin(button.closest(".person")));
box.start();
