// What came of requests in the last day, week and month, by model.

import { el, text, show, attr } from "./dom.js";
import { get, may, Refused, now } from "./api.js";
import { nameOf, state } from "./state.js";
import { t, compact, number, clock, dayOf } from "./text.js";

const HOUR = 3600e3;
const ranges = [
  { hours: 24, step: 1, name: "hours24" },
  { hours: 168, step: 6, name: "days7" },
  { hours: 720, step: 24, name: "days30" },
];
const charts = [
  { name: "chartRequests", of: (m) => m.answers },
  { name: "chartFallovers", of: (m) => m.fallovers },
  { name: "chartTokens", of: (m) => m.input_tokens + m.output_tokens },
];
const COLOURS = 6; // models with a colour of their own; all others are one
const EVERY = 20000; // between two looks at what has changed little,
const SOON = 3000; // and while there is nothing to see
const HEIGHT = 180;

export function history(root) {
  let range = ranges[0], rows = null, problem = "", cut = false, asked = 0, shape = "";
  const buttons = ranges.map((r) => el("button.ghost", { type: "button", "aria-pressed": "false", click: () => {
    range = r;
    load();
  } }, t(r.name)));
  const note = el("p.empty");
  const legend = el("ul.legend");
  const grid = el("div.charts");
  const tables = el("details.table", null, el("summary", null, t("table")));
  root.append(el("div.head", null, el("h2", { id: "history-title" }, t("history")), el("div.filters.group", { role: "group", "aria-label": t("historyRange") }, ...buttons)), note, legend, grid, tables);
  new ResizeObserver(() => rows && draw()).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    shape = "";
    draw();
  });
  document.addEventListener("theme", () => {
    shape = "";
    draw();
  });
  let newest = null, looked = 0;
  return { load, update };

  /** update looks again when requests have come since. */
  function update() {
    if (state.requests[0] === newest || Date.now() - looked < (rows?.length ? EVERY : SOON)) return;
    newest = state.requests[0];
    load();
  }

  async function load() {
    const nth = ++asked;
    looked = Date.now();
    if (!may.watch()) {
      rows = [];
      problem = t("historyHidden");
      draw();
      return;
    }
    try {
      const answer = await get("/api/chat/history?hours=" + range.hours);
      if (nth !== asked) return;
      rows = answer.hours || [];
      cut = Boolean(answer.cut);
      problem = "";
    } catch (e) {
      if (nth !== asked) return;
      if (!(e instanceof Refused)) return; // what was drawn stays; the next look is soon
      rows = [];
      problem = e.message;
    }
    draw();
  }

  function draw() {
    ranges.forEach((r, i) => attr(buttons[i], "aria-pressed", String(r === range)));
    if (!rows) return;
    const data = gather(rows, range);
    const empty = data.models.length === 0;
    text(note, problem || (empty ? t("noHistory") : cut ? t("cut") : ""));
    show(note, Boolean(problem || empty || cut));
    for (const node of [legend, grid, tables]) show(node, !empty);
    if (empty) {
      shape = "";
      return;
    }
    const width = Math.floor(grid.clientWidth);
    const is = JSON.stringify([data, width, range.name]);
    if (is === shape || width === 0) return;
    shape = is;
    legend.replaceChildren(...data.models.map((id, i) => el("li", { "data-colour": String(i) }, el("span.swatch"), id === null ? t("others") : nameOf(id))));
    const columns = width > 900 ? 3 : 1;
    const one = Math.floor((width - (columns - 1) * 24) / columns);
    for (const old of grid.querySelectorAll(".chart")) old.plot?.destroy();
    grid.replaceChildren(...charts.map((c, i) => chart(c, data, data.sums[i], one, range)));
    tables.replaceChildren(tables.firstChild, table(data));
  }
}

/** gather adds the hours up to the steps of the range, by the models that answered most. */
export function gather(hours, range) {
  const end = Math.floor(now() / HOUR) * HOUR + HOUR;
  const step = range.step * HOUR;
  const n = range.hours / range.step;
  const begin = end - range.hours * HOUR;
  const total = new Map();
  for (const h of hours) for (const m of h.models) total.set(m.id, (total.get(m.id) || 0) + m.answers + m.attempts / 1e6);
  const ranked = [...total].filter(([, v]) => v > 0).sort((a, b) => b[1] - a[1]).map(([id]) => id);
  const models = ranked.length > COLOURS ? [...ranked.slice(0, COLOURS), null] : ranked;
  const at = new Map(ranked.map((id, i) => [id, Math.min(i, models.length - 1)]));
  const sums = charts.map(() => models.map(() => new Array(n).fill(0)));
  for (const h of hours) {
    const slot = Math.floor((Date.parse(h.hour) - begin) / step);
    if (slot < 0 || slot >= n) continue;
    for (const m of h.models) {
      if (at.has(m.id)) charts.forEach((c, k) => (sums[k][at.get(m.id)][slot] += c.of(m)));
    }
  }
  return { models, sums, times: Array.from({ length: n }, (_, i) => (begin + i * step) / 1000) };
}

function chart(c, data, sums, width, range) {
  const all = sums.flat().reduce((a, b) => a + b, 0);
  const box = el("figure.chart", null, el("figcaption", null, el("strong", null, t(c.name)), " ", el("span.muted", null, t("total", { n: compact(all) }))));
  if (!window.uPlot) return box;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  // Stacked: each series is drawn from zero to the sum of itself and those below, the highest first.
  const stacked = [];
  const below = new Array(data.times.length).fill(0);
  for (const series of sums) stacked.push(series.map((v, i) => (below[i] += v)));
  const half = (range.step * 3600) / 2;
  const series = data.models.map((_, i) => i).reverse();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  box.plot = new window.uPlot({
    width, height: HEIGHT, legend: { show: false }, cursor: { points: { show: false }, y: false, drag: { x: false, y: false } },
    padding: [8, 4, 0, 0],
    scales: { x: { time: true, range: () => [data.times[0], data.times.at(-1) + 2 * half] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 56, values: (_, ticks) => ticks.map((s) => (range.hours > 24 ? dayOf(s * 1000) : clock(s * 1000).slice(-5))) },
      { ...axis, size: 44, space: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8], values: (_, ticks) => ticks.map((v) => compact(v)) },
    ],
    series: [{}, ...series.map((i) => ({ fill: colour("--c" + (data.models[i] === null ? COLOURS : i)), width: 0, points: { show: false }, paths: window.uPlot.paths.bars({ size: [0.78, 40], align: 1, radius: 0.12 }) }))],
    hooks: { setCursor: [tip(data, sums, range)] },
  }, [data.times, ...series.map((i) => stacked[i])], box);
  box.append(el("p.tip", { "aria-hidden": "true" }));
  return box;
}

/** tip tells the numbers of the bar under the pointer. */
function tip(data, sums, range) {
  return (plot) => {
    const node = plot.root.parentNode?.querySelector(".tip");
    if (!node) return;
    const { left } = plot.cursor;
    const seconds = left >= 0 ? plot.posToVal(left, "x") : -1;
    const i = seconds < 0 ? -1 : Math.min(data.times.length - 1, Math.floor((seconds - data.times[0]) / (range.step * 3600)));
    if (i < 0) {
      text(node, "");
      return;
    }
    const parts = data.models.map((id, k) => [sums[k][i], id === null ? t("others") : nameOf(id)]).filter(([v]) => v > 0);
    text(node, clock(data.times[i] * 1000) + ": " + (parts.map(([v, name]) => name + " " + number(v)).join(", ") || "0"));
  };
}

/** table says the same for who does not see the bars. */
function table(data) {
  const sum = (series) => series.reduce((a, b) => a + b, 0);
  return el("div.scroll", { tabindex: "0", role: "region", "aria-label": t("table") }, el("table", null,
    el("thead", null, el("tr", null, el("th", { scope: "col" }, t("model")), ...charts.map((c) => el("th.num", { scope: "col" }, t(c.name))))),
    el("tbody", null, ...data.models.map((id, i) => el("tr", null, el("th", { scope: "row" }, id === null ? t("others") : nameOf(id)),
      ...charts.map((_, k) => el("td.num", null, number(sum(data.sums[k][i])))))))));
}
