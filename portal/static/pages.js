// What pages do besides htmx. Each of them works without it, with one click more.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-send]");
  if (form) form.submit();
  const link = document.querySelector("a[data-follow]");
  if (link) location.replace(link.href);
  const field = document.querySelector("input.wide[readonly]");
  if (field) field.addEventListener("focus", () => field.select());
});
// A question before what cannot be undone: data-sure on a form.
document.addEventListener("submit", (e) => {
  const sure = e.target.dataset.sure;
  if (sure && !confirm(sure)) e.preventDefault();
});
// Files that are dropped on a form of files are handed in at once.
document.addEventListener("DOMContentLoaded", () => {
  const zone = document.querySelector("form.drop");
  if (!zone) return;
  const files = zone.querySelector("input[type=file]");
  // Beside the form a browser would open the file, and the page would be gone.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (e) => e.preventDefault());
  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (e) => { e.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (e) => {
    e.preventDefault();
    zone.classList.remove("over");
    if (!e.dataTransfer.files.length) return;
    files.files = e.dataTransfer.files;
    zone.requestSubmit();
  });
  zone.addEventListener("submit", () => zone.classList.add("busy"));
});
// Ticks of a list outlast its pages: they are kept in this window until a step is begun.
const ticks = {
  key: "ticked",
  load() { try { return new Set(JSON.parse(sessionStorage.getItem(this.key) || "[]")); } catch { return new Set(); } },
  save(list) { sessionStorage.setItem(this.key, JSON.stringify([...list])); },
  boxes(form) { return [...document.querySelectorAll("input[type=checkbox][form=" + form.id + "][name=entry]")]; },
  show(form) {
    const list = this.load(), boxes = this.boxes(form);
    // What the server filled in, after a session that had ended.
    for (const box of boxes) if (box.defaultChecked) { list.add(box.value); box.defaultChecked = false; }
    for (const field of form.querySelectorAll("input[type=hidden][name=entry]")) { list.add(field.value); field.remove(); }
    this.save(list);
    for (const box of boxes) box.checked = list.has(box.value);
    const elsewhere = list.size - boxes.filter((box) => box.checked).length;
    form.querySelector(".ticks").textContent = list.size ? " (" + list.size + (elsewhere ? ", " + form.dataset.ticks.replace("{}", elsewhere) : "") + ")" : "";
  },
};
for (const name of ["DOMContentLoaded", "htmx:afterSettle"]) document.addEventListener(name, () => {
  const form = document.querySelector("form[data-ticks]");
  if (form) ticks.show(form);
});
document.addEventListener("change", (e) => {
  const form = e.target.name === "entry" && e.target.form;
  if (!form || !form.dataset.ticks) return;
  const list = ticks.load();
  if (e.target.checked) list.add(e.target.value); else list.delete(e.target.value);
  ticks.save(list);
  ticks.show(form);
});
document.addEventListener("submit", (e) => {
  const form = e.target;
  if (!form.dataset.ticks) return;
  const here = new Set(ticks.boxes(form).map((box) => box.value));
  for (const number of ticks.load()) {
    if (here.has(number)) continue;
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "entry", value: number });
    form.append(field);
  }
  ticks.save([]);
});
// A menu that is open closes with Escape, and with a click beside it.
for (const name of ["click", "keydown"]) document.addEventListener(name, (e) => {
  if (name === "keydown" && e.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.more[open]")) {
    if (name === "click" && menu.contains(e.target)) continue;
    menu.open = false;
    if (name === "keydown") menu.querySelector("summary").focus();
  }
});
// A value that cannot be written is copied, to be pasted in Silverfin.
document.addEventListener("click", async (e) => {
  const button = e.target.closest("button[data-copy]");
  if (!button) return;
  try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; }
  button.classList.add("copied");
});
