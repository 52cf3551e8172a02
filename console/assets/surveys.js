// Homes to be surveyed, on a phone. What was seen is written into this browser first and sent from there: without signal it
// waits, and with signal it goes. Its identifier is made here, once; the platform takes it once only.

const bar = document.getElementById("queue");
const refused = document.getElementById("refused");
const KEY = `hearthline-surveys-${bar.dataset.me}`;
const RETRY_MS = 10_000;
const AT_ONCE = 20;
let sending = false;
let sent = 0;
let out = false;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

function keep(entries) {
  if (entries.length === 0) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(entries));
}

function identifier() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `s-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const card = (home) => document.querySelector(`.person[data-home="${CSS.escape(home)}"]`);

function show() {
  const entries = kept();
  const waiting = entries.filter((one) => !one.refused);
  for (const line of document.querySelectorAll(".person .kept")) line.hidden = true;
  for (const one of waiting) {
    const line = card(one.home)?.querySelector(".kept");
    if (line) {
      line.textContent = bar.dataset.here;
      line.hidden = false;
    }
  }
  bar.classList.toggle("waiting", waiting.length > 0);
  if (out) bar.textContent = bar.dataset.out;
  else if (waiting.length > 0) bar.textContent = fill(bar.dataset.waiting, { n: waiting.length });
  else if (sent > 0) bar.textContent = fill(bar.dataset.sent, { n: sent });
  bar.hidden = !out && waiting.length === 0 && sent === 0;
  refused.replaceChildren(
    ...entries
      .filter((one) => one.refused)
      .map((one) => {
        const line = document.createElement("p");
        line.className = "queue-bar refused";
        line.setAttribute("role", "alert");
        line.append(fill(bar.dataset.refused, { name: one.name, why: one.refused }), " ");
        const drop = document.createElement("button");
        drop.textContent = bar.dataset.drop;
        drop.addEventListener("click", () => {
          if (drop.dataset.sure) {
            keep(kept().filter((other) => other.id !== one.id));
            show();
          }
          drop.dataset.sure = "yes";
          drop.textContent += " ?";
        });
        line.append(drop);
        return line;
      }),
  );
}

async function flush() {
  if (sending) return;
  sending = true;
  try {
    if (navigator.locks) await navigator.locks.request(KEY, { ifAvailable: true }, (lock) => lock && sendAll());
    else await sendAll();
  } catch {
    /* no signal: the next turn tries again */
  }
  sending = false;
  show();
}

async function sendAll() {
  for (;;) {
    const some = kept().filter((one) => !one.refused).slice(0, AT_ONCE);
    if (some.length === 0) return;
    const surveys = some.map(({ id, home, at, nobody_in, found, words }) => ({ id, home, at, nobody_in, found, words }));
    const response = await fetch("/api/v1/surveys/sync", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ surveys }) });
    out = response.status === 401 || response.status === 403;
    if (!response.ok) return;
    const answers = new Map((await response.json()).items.map((item) => [item.id, item]));
    const english = document.documentElement.lang === "en";
    sent += [...answers.values()].filter((answer) => answer.stored).length;
    for (const answer of answers.values()) if (answer.stored && answer.state === "done") card(answer.home)?.classList.add("over");
    keep(
      kept().flatMap((one) => {
        const answer = answers.get(one.id);
        if (!answer) return [one];
        return answer.stored ? [] : [{ ...one, refused: english ? answer.en : answer.zh }];
      }),
    );
  }
}

for (const form of document.querySelectorAll("form.door")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const person = form.closest(".person");
    const nobody_in = event.submitter?.value === "nobody";
    const words = form.elements.words.value.trim();
    const wrong = form.querySelector(".wrong");
    wrong.hidden = nobody_in || words !== "";
    if (!wrong.hidden) return;
    const entry = { id: identifier(), home: person.dataset.home, name: person.dataset.name, at: new Date().toISOString(), nobody_in, found: nobody_in ? 0 : Number(form.elements.found.value) || 0, words };
    keep([...kept(), entry]);
    form.reset();
    show();
    flush();
  });
}

addEventListener("online", flush);
setInterval(() => kept().some((one) => !one.refused) && flush(), RETRY_MS);
show();
flush();
