"use strict";
// Exchange rates against the chosen reference as dots, and of all pairs as a table.

const TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000];

function rateRows() {
  return ratesOf({ rule: state.rule, path: state.path });
}

function rateSpec() {
  const rows = rateRows().filter((rate) => rate.large === state.reference && rate.exchange_rate !== null);
  const ends = rows.flatMap((rate) => [rate.exchange_rate, rate.low, rate.high]).map(size).filter((value) => Number.isFinite(value) && value > 0);
  const low = Math.min(0.5, ...ends) / 1.4, edge = Math.max(2, ...ends) * 2.2;
  const clipped = (value) => Math.min(size(value), edge / 1.12);
  const data = rows.map((rate, at) => {
    const never = isNever(rate.exchange_rate), shade = colour(placeOf(rate.small), run.models.length), x = clipped(rate.exchange_rate);
    const from = isNever(rate.low) ? x : clipped(rate.low);
    return {
      x: [x], y: [at], mode: "markers", hoverinfo: "text", text: [`${plain(shortOf(rate.small))}, ${plain(rate.bin)}<br>${plain(rate.words)}`],
      marker: { color: never ? ink("paper") : shade, size: 10, symbol: never ? "triangle-right" : rate.at_or_below ? "triangle-left" : mark(placeOf(rate.small)), line: { color: shade, width: 2 } },
      error_x: { type: "data", symmetric: false, array: [Math.max(clipped(rate.high) - x, 0)], arrayminus: [Math.max(x - from, 0)], color: shade, thickness: 2, width: 0 },
    };
  });
  const open = rows.map((rate, at) => ({ rate, at })).filter(({ rate }) => isNever(rate.high) && !isNever(rate.exchange_rate));
  const arrows = {
    x: open.map(() => edge / 1.12), y: open.map(({ at }) => at), mode: "markers", hoverinfo: "skip",
    marker: { size: 10, symbol: "triangle-right-open", color: open.map(({ rate }) => colour(placeOf(rate.small), run.models.length)), line: { width: 2 } },
  };
  const [, , unit] = costOf(state.cost), ticks = TICKS.filter((value) => value < edge / 2);
  return {
    data: [...data, arrows],
    layout: {
      height: 90 + 25 * rows.length, showlegend: false, margin: { l: 20, r: 16, t: 8, b: 48 },
      xaxis: { type: "log", range: [Math.log10(low), Math.log10(edge)], title: { text: `exchange rate, in ${unit}`, font: { size: 12 } }, tickvals: [...ticks, edge / 1.12], ticktext: [...ticks.map((value) => `${value}x`), "never"] },
      yaxis: { range: [rows.length - 0.5, -0.5], tickvals: rows.map((_, at) => at), ticktext: rows.map((rate) => plain(`${shortOf(rate.small)}, ${rate.bin}`)), showgrid: false, zeroline: false },
      shapes: [{ type: "line", yref: "paper", y0: 0, y1: 1, x0: 1, x1: 1, line: { color: ink("ink"), width: 1.2, dash: "dash" } }],
    },
  };
}

function rateWords() {
  const rows = rateRows().filter((rate) => rate.large === state.reference);
  return `Exchange rates for one answer of ${shortOf(state.reference)}: ${rows.map((rate) => `${shortOf(rate.small)}, ${rate.bin}: ${rate.words}`).join("; ")}.`;
}

function rateTable() {
  const rows = rateRows().map((rate) => [
    shortOf(rate.small), shortOf(rate.large), rate.bin, rate.words, rate.needs || "–", percent(rate.share_never),
    rate.num_prompts.toLocaleString("en-US"), percent(rate.target_accuracy), rate.p_holm === null ? "–" : rate.p_holm < 0.001 ? "< 0.001" : amount(rate.p_holm),
  ]);
  const headers = ["smaller model", "for one answer of", "prompts", "exchange rate [95%]", "needs", "P(never)", "prompts in bin", "accuracy to reach", "p, Holm"];
  const said = `Exchange rates of all pairs in ${costOf(state.cost)[1]}, read by ${wordsOfRule(state.rule)}`;
  return tableOf(said, headers, rows, { numeric: [5, 6, 7, 8] });
}

function startRates(holder) {
  const canvas = make("div", { class: "canvas", role: "img" }), table = make("div");
  const fields = [ruleSwitch(), pathSwitch(), costSwitch(), run.models.length > 2 ? referenceSwitch() : null];
  holder.append(make("div", { class: "controls" }, ...fields.filter(Boolean)), canvas, table);
  const draw = () => {
    canvas.setAttribute("aria-label", rateWords());
    plot(canvas, rateSpec);
    table.replaceChildren(rateTable());
  };
  listeners.push(draw);
  draw();
}

if (document.getElementById("rates-view")) startRates(document.getElementById("rates-view"));
