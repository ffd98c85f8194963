// What came of requests in the last day, week and month, by model.

import { el, text, show, attr } from "./dom.js";
import { get, may, Refused } from "./api.js";
import { nameOf, state } from "./state.js";
import { charts, chart, gather } from "./charts.js";
import { tiles, table } from "./sums.js";
import { t } from "./text.js";

const ranges = [
  { hours: 24, step: 1, name: "hours24" },
  { hours: 168, step: 6, name: "days7" },
  { hours: 720, step: 24, name: "days30" },
];
const EVERY = 20000; // between two looks at what has changed little,
const SOON = 3000; // and while there is nothing to see,
const LONG = 600000; // and when nothing has changed but the hour

const nothing = { hours: [], models: [], day: null, cut: false };

export function history(root) {
  let range = ranges[0], past = null, problem = "", asked = 0, shape = "";
  const buttons = ranges.map((r) => el("button.ghost", { type: "button", "aria-pressed": "false", click: () => {
    range = r;
    load();
  } }, t(r.name)));
  const note = el("p.empty");
  const legend = el("ul.legend");
  const grid = el("div.charts");
  const sums = el("dl.tiles");
  const region = el("div.scroll.tall", { tabindex: "0", role: "region", "aria-label": t("table") });
  const tables = el("div.sums", null, region, el("p.muted.note", null, t("sumsHelp")));
  root.append(el("div.head", null, el("h2", { id: "history-title" }, t("history")), el("div.filters.group", { role: "group", "aria-label": t("historyRange") }, ...buttons)), note, sums, legend, grid, tables);
  new ResizeObserver(() => past && draw()).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    shape = "";
    draw();
  });
  document.addEventListener("theme", () => {
    shape = "";
    draw();
  });
  let newest = null, looked = 0, named = false;
  return { load, update };

  /** update looks again when requests have come since. */
  function update() {
    if (!looked) return; // the first look waits until it is known who looks
    if (named !== state.loaded) { // models have names now
      named = state.loaded;
      draw();
    }
    const age = Date.now() - looked;
    if (age < LONG && (state.requests[0] === newest || age < (past?.hours.length ? EVERY : SOON))) return;
    newest = state.requests[0];
    load();
  }

  async function load() {
    const nth = ++asked;
    looked = Date.now();
    if (!may.watch()) {
      past = nothing;
      problem = t("historyHidden");
      draw();
      return;
    }
    try {
      const answer = await get("/api/chat/history?hours=" + range.hours);
      if (nth !== asked) return;
      past = { ...nothing, ...answer };
      problem = "";
    } catch (e) {
      if (nth !== asked) return;
      if (!(e instanceof Refused)) return; // what was drawn stays; the next look is soon
      past = nothing;
      problem = e.message;
    }
    draw();
  }

  function draw() {
    ranges.forEach((r, i) => attr(buttons[i], "aria-pressed", String(r === range)));
    if (!past) return;
    const data = gather(past.hours, range);
    const empty = data.models.length === 0;
    text(note, problem || (empty ? t("noHistory") : past.cut ? t("cut") : ""));
    show(note, Boolean(problem || empty || past.cut));
    for (const node of [sums, legend, grid, tables]) show(node, !empty);
    if (empty) {
      shape = "";
      return;
    }
    const width = Math.floor(grid.clientWidth);
    const is = JSON.stringify([data, past.models, past.models.map((m) => nameOf(m.id)), past.day, width, range.name]);
    if (is === shape || width === 0) return;
    shape = is;
    legend.replaceChildren(...data.models.map((id, i) => el("li", { "data-colour": String(i) }, el("span.swatch"), id === null ? t("others") : nameOf(id))));
    const columns = width > 900 ? 3 : 1;
    const one = Math.floor((width - (columns - 1) * 24) / columns);
    for (const old of grid.querySelectorAll(".chart")) old.plot?.destroy();
    grid.replaceChildren(...charts.map((c, i) => chart(c, data, data.sums[i], one, range)));
    sums.replaceChildren(...tiles(past, range.hours / 24));
    region.replaceChildren(table(past, range.hours / 24));
  }
}
