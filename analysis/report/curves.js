"use strict";
// Accuracy against compute, a panel a bin, and the switches that the exchange rates share.

const run = embedded("findings");
const EVERY_BIN = "every bin";
const ALL = "all prompts";
const state = {};
const listeners = [];

function change(part) {
  Object.assign(state, part);
  for (const listener of listeners) listener();
}

// Row numbers of the curve frame where these columns have these values.
function cellsOf(where) {
  const columns = Object.entries(where).map(([name, value]) => [run.curves[name], value]);
  return run.curves.model.map((_, at) => at).filter((at) => columns.every(([column, value]) => column[at] === value));
}

// Rows of the exchange rates under the chosen cost model, as objects.
function ratesOf(where) {
  const frame = { ...run.rates.shared, ...run.rates.by_cost[state.cost] }, wanted = Object.entries(where);
  const rows = (frame.small ?? []).map((_, at) => at).filter((at) => wanted.every(([name, value]) => frame[name][at] === value));
  return rows.map((at) => Object.fromEntries(Object.entries(frame).map(([name, column]) => [name, column[at]])));
}

const costOf = (name) => run.costs.find(([key]) => key === name);
const shortOf = (name) => run.models.find((model) => model.name === name)?.short ?? name;
const placeOf = (name) => run.models.findIndex((model) => model.name === name);
const takeColumn = (name, rows) => rows.map((at) => run.curves[name][at]);
const takeCost = (rows) => rows.map((at) => run.cost[state.cost][at]);
const binsShown = () => (state.bin === EVERY_BIN ? run.bins.filter((name) => name !== ALL) : [state.bin]);
const rangeWords = (estimate, low, high) => `${percent(estimate)} [${percent(low).replace("%", "")}, ${percent(high).replace("%", "")}]`;

function bound(label, key, options) {
  if (options.length < 2) return null;
  const field = select(label, options, state[key], (value) => change({ [key]: value }), key === "cost" ? "field wide" : "field");
  listeners.push(() => { field.querySelector("select").value = state[key]; });
  return field;
}

const ruleSwitch = () => bound("Samples are read by", "rule", run.rules);
const pathSwitch = () => bound("Compute grows with", "path", run.paths);
const costSwitch = () => bound("Cost model", "cost", run.costs.map(([name, words]) => [name, words]));
const referenceSwitch = () => bound("Reference: one answer of", "reference", run.models.slice(1).map(({ name }) => [name, name]));

function binSwitch() {
  const names = run.bins.length > 2 ? [[EVERY_BIN, "bin by bin"]] : [];
  return bound("Prompts", "bin", [...names, ...run.bins.map((name) => [name, name])]);
}

function rungSwitches() {
  const boxes = run.models.map(({ name, short }, at) => {
    const box = make("input", { type: "checkbox", value: name });
    box.checked = true;
    const sign = make("span", { "aria-hidden": "true" }, glyph(at));
    const paint = () => { sign.style.color = colour(at, run.models.length); };
    paint();
    dark.addEventListener("change", paint);
    box.addEventListener("change", () => change({ rungs: boxes.filter((other) => other.input.checked).map((other) => other.name) }));
    return { name, input: box, label: make("label", {}, box, sign, short) };
  });
  return make("fieldset", {}, make("legend", {}, "Models"), make("div", { class: "rungs" }, ...boxes.map((box) => box.label)));
}

function lineTraces(model, bin, rule, { main }) {
  const rows = cellsOf({ model, bin, rule, path: state.path });
  const at = placeOf(model), count = run.models.length, accuracy = takeColumn("accuracy", rows), x = takeCost(rows);
  const hover = rows.map((row, cell) => hoverWords(model, rule, row, x[cell]));
  if (!main) {
    return [{ x, y: accuracy, text: hover, hoverinfo: "text", mode: "lines", line: { color: colour(at, count, 0.7), width: 1.4, dash: "dot" } }];
  }
  const half = Math.max(takeColumn("width", rows).filter((width) => width <= run.num_samples[at] / 2).length, 1);
  const traces = [];
  if (rows.length > 1) {
    const low = takeColumn("low", rows), high = takeColumn("high", rows);
    traces.push({
      x: [...x, ...x.slice().reverse()], y: [...high, ...low.slice().reverse()], fill: "toself", mode: "lines", hoverinfo: "skip",
      line: { width: 0 }, fillcolor: colour(at, count, dark.matches ? 0.2 : 0.13),
    });
  }
  for (const [from, to, alpha] of [[half - 1, rows.length, 0.4], [0, half, 1]]) {
    traces.push({
      x: x.slice(from, to), y: accuracy.slice(from, to), text: hover.slice(from, to), hoverinfo: "text", mode: "lines+markers",
      line: { color: colour(at, count, alpha), width: 2.2 },
      marker: { color: colour(at, count, alpha), size: rows.length > 20 ? 4 : 7, symbol: mark(at) }, error_y: errorOf(rows),
    });
  }
  return traces;
}

// A single cell has no band; its interval is a bar.
function errorOf(rows) {
  if (rows.length !== 1) return undefined;
  const [accuracy, low, high] = ["accuracy", "low", "high"].map((name) => run.curves[name][rows[0]]);
  return { type: "data", symmetric: false, array: [high - accuracy], arrayminus: [accuracy - low], thickness: 1.2 };
}

function hoverWords(model, rule, row, cost) {
  const take = (name) => run.curves[name][row];
  const setting = state.path === "width" ? `${take("width")} samples, ${wordsOfRule(rule)}` : `${take("budget").toLocaleString("en-US")} ${run.steps}`;
  return [plain(shortOf(model)), setting, rangeWords(take("accuracy"), take("low"), take("high")), `${amount(cost)} ${costOf(state.cost)[2]} a prompt`].join("<br>");
}

const wordsOfRule = (name) => run.rules.find(([key]) => key === name)[1];

function rings(bin) {
  return ratesOf({ bin, rule: state.rule, path: state.path, large: state.reference })
    .filter((rate) => state.rungs.includes(rate.small) && Number.isFinite(size(rate.crossing_cost)))
    .map((rate) => {
      const first = cellsOf({ model: rate.small, bin, rule: state.rule, path: state.path })[0];
      const y = rate.at_or_below ? Math.max(rate.target_accuracy, run.curves.accuracy[first]) : rate.target_accuracy;
      const words = `${plain(shortOf(rate.small))} matches<br>${plain(rate.needs)}<br>${plain(rate.words)}`;
      return {
        x: [rate.crossing_cost], y: [y], text: [words], hoverinfo: "text", mode: "markers",
        marker: { size: 13, color: ink("paper"), line: { color: colour(placeOf(rate.small), run.models.length), width: 2.6 } },
      };
    });
}

// What the reference reaches with one full answer: the last cell of its budgets, or the first of its widths.
function target(bin) {
  const rate = ratesOf({ bin, rule: state.rule, path: state.path, large: state.reference })[0];
  return rate && rate.target_accuracy !== null ? rate.target_accuracy : null;
}

// One scale for all panels, so that bins compare at a glance.
function limits() {
  const rows = binsShown().flatMap((bin) => cellsOf({ bin, path: state.path })).filter((at) => state.rungs.includes(run.curves.model[at]));
  const costs = takeCost(rows).filter((value) => value > 0), floors = takeColumn("low", rows).filter((value) => value !== null);
  if (!costs.length) return {};
  const x = [Math.log10(Math.min(...costs) / 1.6), Math.log10(Math.max(...costs) * 1.6)];
  return { x, y: [Math.max(-0.02, Math.min(1, ...floors) - 0.09), 1.03] };
}

function panelSpec(bin, alone) {
  const { x, y } = limits(), goal = target(bin);
  const others = state.path === "width" ? run.rules.map(([name]) => name).filter((name) => name !== state.rule) : [];
  const data = state.rungs.flatMap((model) => [
    ...others.flatMap((rule) => lineTraces(model, bin, rule, { main: false })),
    ...lineTraces(model, bin, state.rule, { main: true }),
  ]);
  const [, words] = costOf(state.cost), wide = x && x[1] - x[0] > 1.3;
  return {
    data: [...data, ...rings(bin)],
    layout: {
      height: narrow.matches ? 320 : alone ? 460 : 350, showlegend: false, margin: { l: 48, r: 10, t: 10, b: 46 },
      xaxis: { type: "log", range: x, title: { text: `${words}, per prompt`, font: { size: 12 } }, exponentformat: "power", dtick: wide ? 1 : undefined, nticks: 6 },
      yaxis: { range: y, tickformat: ".0%" },
      shapes: goal === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: goal, y1: goal, line: { color: ink("ink"), width: 1.2, dash: "dash" } }],
    },
  };
}

// What a panel shows, for those who do not see it.
function panelWords(bin) {
  const lines = state.rungs.map((model) => {
    const accuracy = takeColumn("accuracy", cellsOf({ model, bin, rule: state.rule, path: state.path }));
    return `${shortOf(model)} from ${percent(accuracy[0])} to ${percent(accuracy[accuracy.length - 1])}`;
  });
  const goal = target(bin);
  const reached = goal === null ? "" : ` One answer of ${shortOf(state.reference)}: ${percent(goal)}.`;
  return `Accuracy against ${costOf(state.cost)[1]}, ${bin}: ${lines.join("; ")}.${reached} The table below has the numbers.`;
}

function verdicts(bin) {
  const goal = target(bin);
  const items = ratesOf({ bin, rule: state.rule, path: state.path, large: state.reference }).filter((rate) => state.rungs.includes(rate.small));
  return [
    goal === null ? null : make("li", {}, `To match one answer of ${shortOf(state.reference)} (${percent(goal)}):`),
    ...items.map((rate) => {
      const sign = make("span", { "aria-hidden": "true" }, `${glyph(placeOf(rate.small))} `);
      sign.style.color = colour(placeOf(rate.small), run.models.length);
      return make("li", {}, sign, make("b", {}, shortOf(rate.small)), `: ${rate.needs ? `${rate.needs}, ` : ""}${rate.words}`);
    }),
  ].filter(Boolean);
}

function drawPanels(holder, panels) {
  const bins = binsShown();
  for (const [bin, panel] of panels) {
    if (!bins.includes(bin)) { Plotly.purge(panel.canvas); panel.box.remove(); panels.delete(bin); }
  }
  for (const bin of bins) {
    if (!panels.has(bin)) panels.set(bin, newPanel(bin));
    holder.append(panels.get(bin).box);
  }
  // Drawn once all stand in their places, since a figure takes the width that it finds.
  for (const bin of bins) {
    const { canvas, list } = panels.get(bin);
    canvas.setAttribute("aria-label", panelWords(bin));
    list.replaceChildren(...verdicts(bin));
    plot(canvas, () => panelSpec(bin, bins.length === 1));
  }
}

function newPanel(bin) {
  const canvas = make("div", { class: "canvas", role: "img" }), list = make("ul", { class: "verdicts" });
  const at = run.curves.bin.indexOf(bin), number = run.curves.num_prompts[at];
  const prompts = run.is_own ? "" : ` ${number.toLocaleString("en-US")} ${number === 1 ? "prompt" : "prompts"}`;
  return { canvas, list, box: make("div", { class: "panel" }, make("h3", {}, bin, make("small", {}, prompts)), canvas, list) };
}

function numbers() {
  const [, , unit] = costOf(state.cost);
  const rows = binsShown().flatMap((bin) => state.rungs.flatMap((model) => cellsOf({ model, bin, rule: state.rule, path: state.path }))).map((at) => {
    const take = (name) => run.curves[name][at];
    return [shortOf(take("model")), take("bin"), String(take("width")), amount(take("budget")), rangeWords(take("accuracy"), take("low"), take("high")),
      `[${percent(take("band_low"))}, ${percent(take("band_high"))}]`, amount(run.cost[state.cost][at]), amount(take("total_tokens")), amount(take("serial_tokens"))];
  });
  const headers = ["model", "prompts", "samples", run.axis, "accuracy [95%]", "band for the whole curve", `${unit} a prompt`, "tokens", "tokens in series"];
  return tableOf(`Accuracy and cost of every cell shown, read by ${wordsOfRule(state.rule)}`, headers, rows, { numeric: [2, 3, 4, 5, 6, 7, 8] });
}

function startCurves(holder) {
  const all = run.models.map((model) => model.name);
  Object.assign(state, {
    bin: run.bins.length > 2 ? EVERY_BIN : run.bins[0], rule: run.rule, path: run.paths[0][0], cost: run.costs[0][0],
    reference: all[all.length - 1], rungs: all,
  });
  const panels = new Map(), grid = make("div", { class: "panels" }), said = make("p", { class: "note", "aria-live": "polite" });
  const table = make("div"), unfold = make("details", {}, make("summary", {}, "The numbers as a table"), table);
  const fields = [binSwitch(), ruleSwitch(), pathSwitch(), costSwitch(), all.length > 2 ? referenceSwitch() : null];
  holder.append(make("div", { class: "controls" }, ...fields.filter(Boolean)), rungSwitches(), said, grid, unfold);
  const draw = () => {
    const grows = state.path !== "width" ? `One answer; the ${run.axis} grows to the right.` : `Samples grow to the right, ${run.budget_words}.`;
    said.textContent = `${grows} Cost in ${costOf(state.cost)[2]}, ${costOf(state.cost)[3]}.`;
    drawPanels(grid, panels);
    if (unfold.open) table.replaceChildren(numbers());
  };
  unfold.addEventListener("toggle", () => table.replaceChildren(...(unfold.open ? [numbers()] : [])));
  listeners.push(draw);
  draw();
}

if (run) startCurves(document.getElementById("curves-view"));
