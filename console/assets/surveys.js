// Homes to be surveyed, on a phone: what was seen goes by the outbox, several at once.

import { fill, identifier, outbox } from "./outbox.js";

const bar = document.getElementById("queue");
const AT_ONCE = 20;
let sent = 0;
let out = false;

const card = (home) => document.querySelector(`.person[data-home="${CSS.escape(home)}"]`);

const box = outbox(`hearthline-surveys-${bar.dataset.me}`, {
  bar,
  refused: document.getElementById("refused"),
  id: (one) => one.id,
  card: (one) => card(one.home),
  say(waiting) {
    if (out) bar.textContent = bar.dataset.out;
    else if (waiting > 0) bar.textContent = fill(bar.dataset.waiting, { n: waiting });
    else if (sent > 0) bar.textContent = fill(bar.dataset.sent, { n: sent });
    bar.hidden = !out && waiting === 0 && sent === 0;
  },
  send,
});

async function send() {
  for (;;) {
    const some = box.waiting().slice(0, AT_ONCE);
    if (some.length === 0) return;
    const surveys = some.map(({ id, home, at, nobody_in, found, words }) => ({ id, home, at, nobody_in, found, words }));
    const response = await fetch("/api/v1/surveys/sync", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ surveys }) });
    out = response.status === 401 || response.status === 403;
    if (!response.ok) return;
    const answers = new Map((await response.json()).items.map((item) => [item.id, item]));
    const english = document.documentElement.lang === "en";
    sent += [...answers.values()].filter((answer) => answer.stored).length;
    for (const answer of answers.values()) if (answer.stored && answer.state === "done") card(answer.home)?.classList.add("over");
    box.keep(
      box.kept().flatMap((one) => {
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
    const entry = { id: identifier("s"), home: person.dataset.home, name: person.dataset.name, at: new Date().toISOString(), nobody_in, found: nobody_in ? 0 : Number(form.elements.found.value) || 0, words };
    form.reset();
    box.add(entry);
  });
}

box.start();
