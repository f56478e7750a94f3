"use strict";
// One prompt at a time: what each model got right, and the texts that the page holds. Searches all of them.

const shelf = embedded("explorer-data");
const OUTCOME_WORDS = { correct: "✓ correct", wrong: "✗ wrong" };

const whole = (parts) => (parts ?? []).filter((part) => typeof part === "string").join(" ");
const numRight = (prompt) => prompt.right.reduce((sum, counts) => sum + counts[counts.length - 1], 0);

function haystack(prompt) {
  prompt.words ??= [prompt.id, prompt.bin, whole(prompt.text), ...Object.entries(prompt.dials).map((pair) => pair.join(" ")),
    ...prompt.samples.flatMap((sample) => [whole(sample.trace), ...sample.answers.flatMap(([, , , text, extracted]) => [whole(text), whole(extracted)])])].join("\n").toLowerCase();
  return prompt.words;
}

function clippedText(parts, query) {
  if (!parts.length) return make("span", { class: "note" }, "nothing");
  if (parts.length === 1) return written(parts[0], query);
  const gap = make("span", { class: "gap" }, `… ${parts[1].toLocaleString("en-US")} characters left out …`);
  return make("span", {}, written(parts[0], query), gap, written(parts[2], query));
}

// A trace with the verifier's score behind each of its steps; the places are those of its beginning.
function scoredText(parts, steps, query) {
  if (!steps.length) return clippedText(parts, query);
  const holder = make("span", {});
  let at = 0;
  for (const [end, score] of steps) {
    holder.append(written(parts[0].slice(at, end), query), make("span", { class: "step", title: `score of this step, by ${shelf.scorer}` }, scoreWords(score)));
    at = end;
  }
  holder.append(clippedText([parts[0].slice(at), ...parts.slice(1)], query));
  return holder;
}

const scoreWords = (score) => (score === null || score === undefined ? "–" : String(Number(score.toPrecision(3))));

function rightTable(prompt) {
  const headers = ["right answers", ...shelf.budgets.map((budget) => (budget >= 2147483647 ? "no limit" : budget.toLocaleString("en-US")))];
  const total = (row, at) => (prompt.of ? prompt.of[row][at] : shelf.num_samples);
  const told = (count, row, at) => (prompt.of ? `${count} of ${total(row, at)}` : String(count));
  const title = prompt.of ? "Right answers of all samples, by " + shelf.axis : `Right answers of ${shelf.num_samples} samples, by ${shelf.axis}`;
  const table = tableOf(title, headers,
    shelf.models.map((name, row) => [name, ...prompt.right[row].map((count, at) => told(count, row, at))]), { numeric: shelf.budgets.map((_, at) => at + 1) });
  for (const [row, counts] of prompt.right.entries()) {
    counts.forEach((count, at) => table.querySelectorAll("tbody tr")[row].cells[at + 1].style.setProperty("--share", `${Math.round((45 * count) / total(row, at))}%`));
  }
  table.classList.add("heat");
  return table;
}

function answerTable(sample, query) {
  const rows = sample.answers.map(([budget, forced, tokens, text, extracted, outcome], at) => {
    const when = budget === null ? (sample.trace.length || tokens ? `${tokens.toLocaleString("en-US")}${shelf.by_place ? "" : " or more"}: its own end` : "its own end") : `${budget.toLocaleString("en-US")}${forced ? ": forced" : ""}`;
    const said = text === null ? make("span", { class: "note" }, "the trace itself") : clippedText(text, query);
    const graded = make("span", { class: outcome === "correct" ? "right" : "wrong" }, OUTCOME_WORDS[outcome] ?? outcome ?? "not graded");
    return [when, said, extracted.length ? clippedText(extracted, query) : "–", graded, ...(sample.scores ? [scoreWords(sample.scores[at])] : [])];
  });
  return tableOf(shelf.by_place ? "Its answers, by thinking tokens before each" : "Its answer at each thinking budget", [shelf.by_place ? "thinking tokens" : "budget", "answer", "read as", "outcome", ...(sample.scores ? ["score"] : [])], rows,
    { numeric: sample.scores ? [4] : [] });
}

function sampleView(prompt, query, chosen, onChoose) {
  const models = [...new Set(prompt.samples.map((sample) => sample.model))];
  if (!models.length) return [make("p", { class: "note" }, "This prompt has no stored texts.")];
  const model = models.includes(chosen.model) ? chosen.model : models[0];
  const own = prompt.samples.filter((sample) => sample.model === model);
  const sample = own.find((each) => each.sample === chosen.sample) ?? own[0];
  const pickModel = select("Model", models.map((at) => [at, shelf.models[at]]), model, (value) => onChoose({ ...chosen, model: Number(value) }, "Model"));
  const pickSample = select("Sample", own.map((each) => [each.sample, `number ${each.sample}`]), sample.sample, (value) => onChoose({ ...chosen, sample: Number(value) }, "Sample"));
  const ending = sample.ended ? "ended by itself" : "cut at the largest budget";
  const trace = sample.trace.length || sample.tokens
    ? [make("h4", {}, `Trace: ${sample.tokens.toLocaleString("en-US")} thinking tokens, ${ending}`), make("pre", { tabindex: 0, "aria-label": "Trace" }, scoredText(sample.trace, sample.steps ?? [], query))]
    : [make("p", { class: "note" }, "This sample has no stored trace.")];
  return [make("div", { class: "controls" }, pickModel, pickSample), ...trace, answerTable(sample, query)];
}

function promptView(prompt, query, chosen, onChoose) {
  const dials = Object.entries(prompt.dials).filter(([, value]) => value !== "").map(([name, value]) => `${name} ${value}`).join(" · ");
  return [
    make("h3", { tabindex: -1 }, written(prompt.id, query), prompt.bin ? make("small", {}, ` ${prompt.bin}`) : null),
    dials ? make("p", { class: "note" }, written(dials, query)) : null,
    prompt.text.length ? make("pre", { tabindex: 0, "aria-label": "Prompt" }, clippedText(prompt.text, query)) : null,
    rightTable(prompt),
    ...sampleView(prompt, query, chosen, onChoose),
  ].filter(Boolean);
}

// The first sample that holds what is searched for, so that the reader lands on it.
function landing(prompt, query) {
  const needle = query.toLowerCase();
  const found = query && prompt.samples.find((sample) =>
    [whole(sample.trace), ...sample.answers.flatMap(([, , , text, extracted]) => [whole(text), whole(extracted)])].some((text) => text.toLowerCase().includes(needle)));
  return found ? { model: found.model, sample: found.sample } : null;
}

function startExplorer(holder) {
  let query = "", current = shelf.prompts[0], chosen = { model: shelf.models.length - 1, sample: -1 }, order = "name";
  const search = make("input", { type: "search", placeholder: "search prompts, traces, answers", spellcheck: "false", autocomplete: "off" });
  const count = make("p", { class: "note", "aria-live": "polite" }), list = make("ol", { class: "prompts" }), view = make("article", { class: "prompt", "aria-label": "The chosen prompt" });
  const show = (next, field) => {
    chosen = next;
    view.replaceChildren(...promptView(current, query, chosen, show));
    if (field) [...view.querySelectorAll(".field")].find((label) => label.textContent.startsWith(field))?.querySelector("select").focus();
  };
  const open = (prompt) => {
    current = prompt;
    show(landing(prompt, query) ?? chosen);
    for (const button of list.querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.id === prompt.id));
  };
  const fill = () => {
    const found = shelf.prompts.filter((prompt) => haystack(prompt).includes(query.toLowerCase()));
    if (order === "right") found.sort((one, other) => numRight(one) - numRight(other));
    list.replaceChildren(...found.map((prompt) => {
      const button = make("button", { type: "button", "data-id": prompt.id }, make("b", {}, written(prompt.id)), make("span", {}, written(whole(prompt.text).slice(0, 120))));
      button.addEventListener("click", () => open(prompt));
      return make("li", {}, button);
    }));
    count.textContent = query ? `${found.length} of ${shelf.prompts.length} prompts found` : `${shelf.prompts.length} prompts`;
    if (found.length) open(found.includes(current) && !query ? current : found[0]);
    else view.replaceChildren(make("p", { class: "note" }, "No prompt on this page has these words."));
  };
  search.addEventListener("input", () => { query = search.value; fill(); });
  const sorted = select("In order of", [["name", "name"], ["right", "fewest right first"]], order, (value) => { order = value; fill(); });
  holder.append(make("div", { class: "controls" }, make("label", { class: "field grow" }, make("span", {}, "Search"), search), sorted), count,
    make("div", { class: "shelf" }, list, view));
  fill();
}

if (shelf && shelf.prompts.length) startExplorer(document.getElementById("explorer"));
