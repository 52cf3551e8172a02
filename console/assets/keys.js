// "/" leads to the search, from every page: the page's own, else the one of the homes.

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  const own = document.querySelector("main input[type=search]");
  if (own) own.focus();
  else location.assign("/homes#search");
});
if (location.hash === "#search") document.getElementById("search")?.focus();
