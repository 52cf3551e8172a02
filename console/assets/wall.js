// The wall board: drawn anew by the server every three seconds; when that fails for half a minute the board says so,
// because an old figure on a wall looks like a good one.

import { setNow, tick } from "./clocks.js";

const EVERY = 3000;
const LOST_AFTER = 30000;
const content = document.getElementById("content");
const lost = document.getElementById("lost");
let heard = Date.now();

async function fresh() {
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual", signal: AbortSignal.timeout(10000) });
    if (response.type === "opaqueredirect" || response.status === 401) return location.reload();
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      content.replaceChildren(...page.getElementById("content").childNodes);
      setNow(Number(page.body.dataset.now));
      heard = Date.now();
      tick();
    }
  } catch {
    /* shown below */
  }
  lost.hidden = Date.now() - heard <= LOST_AFTER;
}

setInterval(fresh, EVERY);
