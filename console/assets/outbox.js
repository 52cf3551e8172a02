// What is written on a phone is kept in this browser first and sent from here: without signal it waits, and with signal
// it goes. Its identifier is made here, once; the platform takes what has the same identifier once only, so that an
// answer that got lost on the way costs nothing. What was sent is forgotten here.

const RETRY_MS = 10_000;

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

export function identifier(letter) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `${letter}-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

// The entries under a key of this browser. `id` names one, `card` is its card on the page, `send` sends those that are not
// refused, `say` writes the bar for as many as wait. `bar` holds the words.
export function outbox(key, { id, card, send, say, bar, refused, buttons = () => [] }) {
  let sending = false;

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "[]");
    } catch {
      return [];
    }
  }

  function keep(entries) {
    if (entries.length === 0) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(entries));
  }

  const waiting = () => kept().filter((one) => !one.refused);
  const forget = (one) => keep(kept().filter((other) => id(other) !== id(one)));

  function line(one) {
    const line = document.createElement("p");
    line.className = "queue-bar refused";
    line.setAttribute("role", "alert");
    line.append(fill(bar.dataset.refused, { name: one.name, why: one.refused }), " ");
    const drop = document.createElement("button");
    drop.textContent = bar.dataset.drop;
    drop.addEventListener("click", () => {
      if (drop.dataset.sure) {
        forget(one);
        show();
      }
      drop.dataset.sure = "yes";
      drop.textContent += " ?";
    });
    for (const button of buttons(one)) line.append(button, " ");
    line.append(drop);
    return line;
  }

  function show() {
    const still = waiting();
    for (const line of document.querySelectorAll(".person .kept")) line.hidden = true;
    for (const one of still) {
      const line = card(one)?.querySelector(".kept");
      if (line) {
        line.textContent = bar.dataset.here;
        line.hidden = false;
      }
    }
    bar.classList.toggle("waiting", still.length > 0);
    say(still.length);
    refused.replaceChildren(...kept().filter((one) => one.refused).map(line));
  }

  // Oldest first, one tab at a time: a lost answer is asked for again with the same identifier.
  async function flush() {
    if (sending) return;
    sending = true;
    try {
      if (navigator.locks) await navigator.locks.request(key, { ifAvailable: true }, (lock) => lock && send());
      else await send();
    } catch {
      /* no signal: the next turn tries again */
    }
    sending = false;
    show();
  }

  function add(entry) {
    keep([...kept().filter((one) => id(one) !== id(entry)), entry]);
    show();
    flush();
  }

  function start() {
    addEventListener("online", flush);
    setInterval(() => waiting().length > 0 && flush(), RETRY_MS);
    show();
    flush();
  }

  return { kept, keep, waiting, forget, add, start };
}
