// Pages of homes: drawn anew by the server when something changes, and every 10 s.

import "./clocks.js";
import { follow, reveals } from "./live.js";

const content = document.getElementById("content");
let running = false;

async function fresh() {
  // Nothing is pulled from under a hand: not while a revealed number is on the screen or a control has the focus.
  if (running || content.querySelector(".revealed") || content.matches(":focus-within")) return;
  running = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
    if (response.type === "opaqueredirect") location.reload();
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      content.replaceChildren(...page.getElementById("content").childNodes);
      document.getElementById("lamps").replaceChildren(...page.getElementById("lamps").childNodes);
    }
  } catch {
    /* the lost connection shows itself */
  }
  running = false;
}

reveals(() => "call_back");
follow(fresh);
