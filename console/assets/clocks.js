// The clocks of a page: waiting times count up, deadlines count down, by the server's time.

let ahead = 0;

/** Sets the clocks by the server's time, in milliseconds since 1970. */
export function setNow(ms) {
  if (Number.isFinite(ms)) ahead = ms - Date.now();
}

/** The server's time, in seconds since 1970. */
export const now = () => (Date.now() + ahead) / 1000;

const fill = (text, blanks) => text.replace(/\{(\w+)\}/g, (_, name) => blanks[name] ?? "?");

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 3600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  const { waitHours = "{h}:{m}", waitDays = "{d} d {h}" } = document.body.dataset;
  if (s < 172800) return fill(waitHours, { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return fill(waitDays, { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

/** Writes all clocks anew. */
export function tick() {
  const at = now();
  for (const clock of document.querySelectorAll("[data-since]")) {
    const text = span(at - Number(clock.dataset.since));
    if (clock.textContent !== text) clock.textContent = text;
  }
  for (const clock of document.querySelectorAll("[data-until]")) {
    const left = Number(clock.dataset.until) - at;
    if (clock instanceof HTMLProgressElement) clock.value = Math.max(0, Number(clock.dataset.whole) - left);
    else clock.textContent = span(left);
  }
}

setNow(Number(document.body.dataset.now));
tick();
setInterval(tick, 500);
