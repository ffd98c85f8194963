// What came of requests as bars over time: by hour, quarter of a day, or day.

import { el, text } from "./dom.js";
import { now } from "./api.js";
import { nameOf } from "./state.js";
import { t, compact, number, clock, dayOf } from "./text.js";

const HOUR = 3600e3;
export const charts = [
  { name: "chartRequests", of: (m) => m.answers },
  { name: "chartFallovers", of: (m) => m.fallovers },
  { name: "chartTokens", of: (m) => m.input_tokens + m.output_tokens },
];
const COLOURS = 6; // models with a colour of their own; all others are one
const HEIGHT = 170;

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

export function chart(c, data, sums, width, range) {
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
      { ...axis, grid: { show: false }, space: 56, size: 28, values: (_, ticks) => ticks.map((s) => (range.hours > 24 ? dayOf(s * 1000) : clock(s * 1000).slice(-5))) },
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
