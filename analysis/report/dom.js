"use strict";
// Elements from plain values. Text goes in as text nodes alone: nothing a model wrote is ever parsed as markup.

const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function embedded(name) {
  const holder = document.getElementById(name);
  return holder ? JSON.parse(holder.textContent) : null;
}

// A model's text apart from the words around it: unseen controls by name, what is searched for marked.
function written(text, query = "") {
  const holder = make("span", { class: "written", dir: "auto" });
  const pattern = query ? new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi") : null;
  let at = 0;
  for (const found of pattern ? text.matchAll(pattern) : []) {
    holder.append(...shown(text.slice(at, found.index)), make("mark", {}, ...shown(found[0])));
    at = found.index + found[0].length;
  }
  holder.append(...shown(text.slice(at)));
  return holder;
}

function shown(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(UNSEEN)) {
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.push(text.slice(at, found.index), make("span", { class: "control" }, `U+${code}`));
    at = found.index + 1;
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}

function tableOf(caption, headers, rows, { numeric = [] } = {}) {
  const head = make("tr", {}, ...headers.map((name, at) => make("th", { scope: "col", class: numeric.includes(at) ? "number" : null }, name)));
  const body = rows.map((row) =>
    make("tr", {}, ...row.map((cell, at) =>
      make(at ? "td" : "th", { scope: at ? null : "row", class: numeric.includes(at) ? "number" : null }, cell))));
  const table = make("table", {}, make("caption", {}, make("span", {}, caption)), make("thead", {}, head), make("tbody", {}, ...body));
  return tellWide(make("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption }, table));
}

// A table wider than its place says that it scrolls, whenever either changes.
const widths = new ResizeObserver((entries) => {
  for (const holder of new Set(entries.map(({ target }) => target.closest(".scroll")).filter(Boolean))) {
    holder.toggleAttribute("data-wide", holder.scrollWidth > holder.clientWidth + 1);
  }
});

function tellWide(holder) {
  for (const element of [holder, holder.querySelector("table")]) widths.observe(element);
  return holder;
}

function select(label, options, value, onChange, kind = "field") {
  const control = make("select", {}, ...options.map(([name, words]) => make("option", { value: name }, words)));
  control.value = value;
  control.addEventListener("change", () => onChange(control.value));
  return make("label", { class: kind }, make("span", {}, label), control);
}

const isNever = (value) => value === "never" || value === Infinity;
const size = (value) => (isNever(value) ? Infinity : value === null ? NaN : value);

function percent(share) {
  if (share === null || Number.isNaN(share)) return "–";
  const points = 100 * share;
  return points > 0 && points < 0.95 ? `${Number(points.toPrecision(2))}%` : `${Math.round(points)}%`;
}

function amount(value) {
  if (value === null || Number.isNaN(value)) return "–";
  if (isNever(value)) return "never";
  if (value >= 1e6 || (value > 0 && value < 0.001)) return value.toExponential(2).replace("e+", "e");
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}
