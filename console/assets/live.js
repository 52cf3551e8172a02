// Follows the events of the server and tells when they no longer come.

import { setNow } from "./clocks.js";

const LOST_AFTER = 30000;
/** A lost connection sounds again this often, for as long as it is lost. */
const SOUND_EVERY = 3000;
const lost = document.getElementById("lost");
let heard = Date.now();
let silent = false;

/** Calls `changed(kind, data)` for `alarm` and `reset`, and again with `reset` when a lost connection is back. */
export function follow(changed, { onLost = () => {}, onBack = () => {} } = {}) {
  const hear = ({ kind, data }) => {
    heard = Date.now();
    if (data.now) setNow(Date.parse(data.now));
    if (kind === "signed_out") return location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
    if (silent) {
      silent = false;
      if (lost) lost.hidden = true;
      onBack();
      changed("reset", data);
    }
    if (kind === "alarm" || kind === "reset") changed(kind, data);
    if (kind === "beat") changed("beat", data);
  };
  if ("SharedWorker" in window) {
    const worker = new SharedWorker(new URL("./stream.js", import.meta.url), { name: "hearthline" });
    worker.port.onmessage = ({ data }) => hear(data);
    addEventListener("pagehide", () => worker.port.postMessage("leave"));
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  } else {
    let source = null;
    const open = () => {
      if (source && source.readyState !== EventSource.CLOSED) return;
      source = new EventSource("/api/v1/events");
      for (const kind of ["alarm", "beat", "reset", "signed_out"]) {
        source.addEventListener(kind, (event) => hear({ kind, data: JSON.parse(event.data) }));
      }
    };
    open();
    setInterval(open, 5000);
  }
  let asked = 0;
  let sounded = 0;
  setInterval(async () => {
    if (Date.now() - heard <= LOST_AFTER) return;
    if (!silent) {
      silent = true;
      if (lost) lost.hidden = false;
    }
    if (Date.now() - sounded >= SOUND_EVERY) {
      sounded = Date.now();
      onLost();
    }
    if (Date.now() - asked < 10000) return;
    asked = Date.now();
    // The server may be there and the session gone: then only a sign-in helps.
    const answer = await fetch("/api/v1/me", { signal: AbortSignal.timeout(5000) }).catch(() => null);
    if (answer?.status === 401) location.reload();
  }, 1000);
}

/** Fetches a piece of a page and returns its parts by name; `null` if it is not there any more. */
export async function parts(path) {
  const response = await fetch(path, { headers: { accept: "text/html" }, redirect: "manual" });
  if (response.type === "opaqueredirect" || response.status === 401) {
    location.reload();
    return null;
  }
  if (!response.ok) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return Object.fromEntries([...page.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
}

/** Posts JSON; returns `[ok, body]`. */
export async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });
    if (response.status === 401) location.reload();
    return [response.ok, await response.json().catch(() => ({}))];
  } catch {
    return [false, { detail: document.body.dataset.failed }];
  }
}

/** Buttons that show what is masked: one request each, recorded by the server. */
export function reveals(reason) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-reveal]");
    if (!button) return;
    const home = button.closest("[data-home]")?.dataset.home ?? document.querySelector("[data-home]")?.dataset.home;
    const { reveal, field, channel } = button.dataset;
    button.disabled = true;
    const body = field ? { field, reason: reason() } : { channel, reason: reason() };
    const [ok, answer] = await post(`/api/v1/homes/${home}/${reveal}/reveal`, body);
    const shown = document.createElement("span");
    shown.className = ok ? "revealed" : "wrong";
    if (ok && (field === "phone" || channel === "voice")) {
      const link = document.createElement("a");
      link.href = "tel:" + answer.value.replace(/[^\d+]/g, "");
      link.textContent = answer.value;
      shown.append(link);
    } else {
      shown.textContent = ok ? answer.value : answer.detail;
    }
    button.replaceWith(shown);
  });
}
