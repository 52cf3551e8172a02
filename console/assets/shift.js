// The operator's shift: begun with a click that also opens the sound; and being called up by name for a red alarm that
// nobody takes.

import { now } from "./clocks.js";
import { post } from "./live.js";
import * as sound from "./sound.js";

const shift = document.getElementById("shift");
const soundBar = document.getElementById("sound-bar");
const bar = document.getElementById("called-up");
const me = bar?.dataset.me;

const waiting = (row) => row.dataset.level === "red" && row.dataset.state === "raised";

/** Seconds after which this row goes to whoever sits here; `null`: not at all. */
function mine(row) {
  const own = (row.dataset.up ?? "").split(" ").find((one) => one.slice(one.indexOf(":") + 1) === me);
  return own ? Number(own.split(":", 1)[0]) : null;
}

/** The rows that go to whoever sits here now, the longest wait first. */
function calledUp(rows) {
  const at = now();
  return rows
    .filter((row) => waiting(row) && mine(row) !== null && at - Number(row.dataset.raised) >= mine(row))
    .sort((a, b) => Number(a.dataset.raised) - Number(b.dataset.raised));
}

/** The longer a red alarm waits, the louder: 30 s, 60 s, 180 s; loudest for the one it has gone to. */
export function loud(rows) {
  const waits = rows.filter(waiting).map((row) => now() - Number(row.dataset.raised));
  if (!waits.length) return;
  const longest = Math.max(...waits);
  const base = longest > 180 ? 0.8 : longest > 60 ? 0.6 : longest > 30 ? 0.4 : 0.2;
  sound.alarm(Math.min(1, calledUp(rows).length ? base + 0.2 : base));
}

/** Says by name whose turn it is; true while it is this person's. */
export function callUp(rows, chosen = null) {
  if (!bar) return false;
  const own = calledUp(rows);
  const row = own.find((one) => one.dataset.alarm === chosen) ?? own[0];
  bar.hidden = !row;
  if (!row) return false;
  const button = bar.querySelector("button");
  const what = row.querySelector("strong").textContent;
  const text = bar.dataset.text.replace("{who}", what);
  const label = row.dataset.alarm === chosen ? bar.dataset.claim : bar.dataset.open;
  if (button.textContent !== label) button.textContent = label;
  if (button.dataset.alarm !== row.dataset.alarm) {
    button.dataset.alarm = row.dataset.alarm;
    bar.querySelector("span").textContent = text;
    bar.querySelector("time").dataset.since = row.dataset.raised;
  }
  return true;
}

async function start() {
  if ((await sound.open()) && shift) {
    shift.textContent = shift.dataset.on;
    shift.classList.remove("primary");
    sessionStorage.setItem("shift", "on");
    // Told to the platform: from now on red alarms that nobody takes may be this person's.
    if (!("began" in shift.dataset)) {
      const [ok] = await post("/api/v1/shifts/start");
      if (ok) shift.dataset.began = "";
    }
  }
  showBar();
  sound.chime();
}

function showBar() {
  soundBar.hidden = !shift || sound.isOn();
}

/** Wires the button of the shift and the bar that says when there is no sound. */
export function begin() {
  // After a reload in the middle of a shift the first touch of anything brings the sound back.
  if (shift && (sessionStorage.getItem("shift") || "began" in shift.dataset)) {
    const resume = () => {
      removeEventListener("pointerdown", resume, true);
      removeEventListener("keydown", resume, true);
      if (!sound.isOn()) start();
    };
    addEventListener("pointerdown", resume, true);
    addEventListener("keydown", resume, true);
  }
  shift?.addEventListener("click", start);
  document.getElementById("sound-on").addEventListener("click", start);
  setInterval(showBar, 2000);
  showBar();
}
