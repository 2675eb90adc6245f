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
