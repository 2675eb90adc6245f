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
