// Pages of the office: a list is asked for anew as soon as a choice is made; what cannot be taken back is asked twice;
// a list of elders is read as a file and shown before anything is written.

for (const form of document.querySelectorAll("form.search")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=month]")) form.requestSubmit();
  });
}

// What cannot be taken back is pressed twice.
for (const form of document.querySelectorAll("form.danger[data-sure]")) {
  const button = form.querySelector("button[type=submit]");
  const words = button.textContent;
  form.addEventListener("submit", (event) => {
    if (button.dataset.armed) return;
    event.preventDefault();
    button.dataset.armed = "yes";
    button.textContent = form.dataset.sure.replace("{what}", words);
  });
  form.addEventListener("change", () => {
    delete button.dataset.armed;
    button.textContent = words;
  });
}

const upload = document.getElementById("import");
if (upload) {
  const file = upload.querySelector("input[type=file]");
  const out = document.getElementById("preview");

  const LOOK_MS = 700;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function show(response) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.getElementById("preview") ?? page.getElementById("content");
    out.replaceChildren(...part.childNodes);
  }

  // An import goes on at the server; here is seen how far it has come. Without signal it is looked at again.
  async function follow() {
    for (let running = out.querySelector("[data-running]"); running; running = out.querySelector("[data-running]")) {
      await pause(LOOK_MS);
      const response = await fetch(`/office/import/${running.dataset.running}`, { headers: { accept: "text/html" } }).catch(() => null);
      if (response) await show(response);
    }
  }

  async function send(path, body) {
    out.setAttribute("aria-busy", "true");
    try {
      await show(await fetch(path, { method: "POST", body, headers: { accept: "text/html" } }));
      out.focus();
      await follow();
    } catch {
      out.textContent = upload.dataset.failed;
    }
    out.removeAttribute("aria-busy");
  }

  upload.addEventListener("submit", (event) => {
    event.preventDefault();
    if (file.files.length === 0) return;
    const query = new URLSearchParams({ source: upload.elements.source.value, area: upload.elements.area.value });
    send(`/office/import?${query}`, file.files[0]);
  });

  // The same file once more, with what was decided before it: nothing is kept on the server between the two.
  out.addEventListener("click", (event) => {
    if (!event.target.matches("#apply")) return;
    event.preventDefault();
    const take = [...out.querySelectorAll("[data-take]:checked")].map((box) => box.dataset.take);
    const decided = { source: upload.elements.source.value, area: upload.elements.area.value, take };
    send("/office/import/apply", new Blob([JSON.stringify(decided), "\n", file.files[0]]));
  });
}
