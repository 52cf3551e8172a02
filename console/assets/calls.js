// Every page but the duty desk, for those who take alarms: called up by name for a red alarm that nobody takes, wherever
// in the console one happens to be.

import { follow, parts } from "./live.js";
import { callUp, loud } from "./shift.js";
import * as sound from "./sound.js";

const EVERY = 2000;
let rows = [];
let due = true;
let running = false;

async function fresh() {
  if (!due || running) return;
  due = false;
  running = true;
  try {
    const queue = await parts("/desk/queue");
    if (queue) rows = [...queue.queue.querySelectorAll("a[data-alarm]")];
  } catch {
    due = true;
  }
  running = false;
}

document.getElementById("called-up").querySelector("button").addEventListener("click", (event) => {
  location.assign(`/?alarm=${event.target.dataset.alarm}`);
});
// A browser plays nothing before somebody has touched the page: the first touch opens the sound for when it is needed.
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => sound.open(), { once: true, capture: true });
follow(() => (due = true));
setInterval(fresh, EVERY);
setInterval(() => callUp(rows), 1000);
setInterval(() => callUp(rows) && loud(rows), 5000);
fresh();
