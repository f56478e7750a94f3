"use strict";
// Plotly in the page's own colours and type, redrawn when the reader's light or width changes.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 640px)");
const drawn = new Map();
// Smallest rung to largest, told apart in print, in both lights and by colour-blind readers; the marks differ as well.
const RAMPS = { light: [[196, 98, 10], [190, 30, 110], [52, 28, 140]], dark: [[255, 184, 92], [247, 116, 160], [160, 146, 255]] };
const MARKS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "hexagon", "pentagon", "x"];
const GLYPHS = ["●", "■", "◆", "▲", "▼", "✚", "★", "⬢", "⬟", "✖"];

const mark = (at) => MARKS[at % MARKS.length];
const glyph = (at) => GLYPHS[at % GLYPHS.length];

function rgb(at, count) {
  const ramp = dark.matches ? RAMPS.dark : RAMPS.light;
  const place = count > 1 ? (at / (count - 1)) * (ramp.length - 1) : 0;
  const low = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[low].map((part, channel) => Math.round(part + (place - low) * (ramp[low + 1][channel] - part)));
}

const colour = (at, count, alpha = 1) => `rgba(${rgb(at, count).join(",")},${alpha})`;
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function theme(layout) {
  const axis = { gridcolor: ink("line"), zerolinecolor: ink("line"), linecolor: ink("faint"), tickcolor: ink("faint"), automargin: true };
  const axes = Object.keys(layout).filter((name) => /^[xy]axis/.test(name));
  const named = Object.fromEntries([...new Set(["xaxis", "yaxis", ...axes])].map((name) => [name, { ...axis, ...layout[name] }]));
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: [0, 1, 2, 3, 4].map((at) => colour(at, 5)),
    margin: { l: 52, r: 12, t: 12, b: 48 }, hovermode: "closest", dragmode: false, autosize: true,
    hoverlabel: { bgcolor: ink("paper"), bordercolor: ink("faint"), font: { color: ink("ink"), family: ink("sans") } },
    ...layout, ...named, font: { family: ink("sans"), size: 13, color: ink("ink"), ...layout.font },
  };
}

// Draw what `build` returns, again whenever the light or the width changes.
function plot(canvas, build) {
  drawn.set(canvas, build);
  const { data, layout } = build();
  return Plotly.react(canvas, data, theme(layout), { displayModeBar: false, responsive: true, showTips: false });
}

// Plotly decodes entities and reads tags in words; what a run named stays text.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "%&#123;");

function redraw() {
  for (const [canvas, build] of drawn) {
    if (canvas.isConnected) plot(canvas, build);
    else drawn.delete(canvas);
  }
}

function drawFigures() {
  for (const holder of document.querySelectorAll("figure.plot")) {
    const spec = JSON.parse(holder.querySelector("script").textContent);
    plot(holder.querySelector(".canvas"), () => ({ data: spec.data, layout: { ...spec.layout } }));
  }
}
