// A row for each model, in the order of the next request.

import { el, svg, text, show, attr, icon, swapIcon, keyed } from "./dom.js";
import { state, kindOf, isOff, rowKey } from "./state.js";
import { t, said, counted, compact, number, share, size, span } from "./text.js";
import { until } from "./clocks.js";
import { quotaBars } from "./quota.js";
import { operate, mayChange } from "./sign.js";

const BEATS = 60;
const CONTEXTS = [32e3, 128e3, 1e6]; // tokens that a model must be able to read
const stateIcon = { ok: "ok", limit: "wait", fault: "bad", trial: "trial", paused: "pause", off: "off" };
export const iconOf = (kind) => stateIcon[kind];

export function models(root, refresh) {
  const count = el("span.muted");
  const find = el("input", { type: "search", placeholder: t("find"), "aria-label": t("find"), input: refresh });
  const box = (word) => {
    const input = el("input", { type: "checkbox", change: refresh });
    return [input, el("label.check", null, input, t(word))];
  };
  const [tools, toolsLabel] = box("onlyTools"), [vision, visionLabel] = box("onlyVision"), [open, openLabel] = box("onlyFree");
  const context = el("select", { "aria-label": t("contextAtLeast"), change: refresh }, el("option", { value: "0" }, t("anyContext")),
    ...CONTEXTS.map((n) => el("option", { value: String(n) }, t("contextFrom", { n: size(n) }))));
  const filters = el("div.filters", { role: "search" }, find, toolsLabel, visionLabel, openLabel, context, count);
  const head = (name, cls) => el("th" + (cls || ""), { scope: "col", role: "columnheader" }, t(name));
  const columns = () => el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
    head("place", ".num"), head("model"), head("stateHead"), head("last60"), head("ttft", ".num"), head("quotaHead"), head("todayHead", ".num"),
    el("th", { scope: "col", role: "columnheader" }, el("span.hidden", null, t("actions")))));
  const body = el("tbody", { role: "rowgroup" });
  const offBody = el("tbody", { role: "rowgroup", id: "off-rows" });
  const none = el("p.empty", null, t("none"));
  const offCount = el("span");
  let offOpen = false;
  const offWord = el("span.action");
  const offButton = el("button.fold", { type: "button", "aria-expanded": "false", "aria-controls": "off-rows", click: () => {
    offOpen = !offOpen;
    refresh();
  } }, icon("off"), offCount, offWord);
  const table = el("table.models", { role: "table", "aria-labelledby": "models-title" }, columns(), body);
  const offTable = el("table.models.offs", { role: "table", "aria-label": t("s_off") }, columns(), offBody);
  const offScroll = el("div.scroll", null, offTable);
  root.append(
    el("div.head", null, el("h2", { id: "models-title" }, t("models")), el("span.muted", null, t("modelsHelp")), filters),
    el("div.scroll", null, table), none, offButton, offScroll);

  const draw = keyed(body, row), drawOff = keyed(offBody, row);
  return () => {
    const needle = find.value.trim().toLowerCase();
    const wanted = state.models.filter((m) => (!needle || (m.name + " " + m.id + " " + m.provider).toLowerCase().includes(needle)) &&
      (!tools.checked || m.supports_tools) && (!vision.checked || m.supports_vision) && (!open.checked || m.is_available) &&
      (context.value === "0" || m.context_length >= Number(context.value)));
    const on = wanted.filter((m) => !isOff(m)), off = wanted.filter(isOff);
    draw(on, rowKey);
    drawOff(offOpen ? off : [], rowKey);
    text(count, wanted.length < state.models.length ? t("shown", { n: wanted.length, all: state.models.length }) : "");
    show(none, wanted.length === 0 && state.loaded);
    show(table, on.length > 0);
    show(offButton, off.length > 0);
    show(offScroll, offOpen && off.length > 0);
    attr(offButton, "aria-expanded", String(offOpen));
    text(offCount, t("offTitle", { n: off.length }));
    text(offWord, offOpen ? t("offHide") : t("offShow"));
    show(filters, state.models.length > 0);
  };
}

function row(first) {
  const place = el("td.num.place", { role: "cell" });
  const name = el("strong.name");
  const id = el("span.mono");
  const nextTag = el("span.tag.now", null, icon("next"), t("next"));
  const can = (name, word) => el("span.tool", { title: t(word) }, icon(name), el("span.hidden", null, t(word)));
  const toolTag = can("tool", "toolsTitle"), eyeTag = can("eye", "visionTitle");
  const reads = el("span.tool");
  const pillIcon = icon("ok");
  const pillWord = el("span");
  const pill = el("span.pill", null, pillIcon, pillWord);
  const back = el("span.count.inline");
  const why = el("span.why");
  const errText = el("p");
  const errHead = el("summary");
  const err = el("details.err", null, errHead, errText);
  const beats = heartbeat();
  const rate = el("span.muted");
  const p50 = el("span.big"), p95 = el("span.muted");
  const quota = quotaBars();
  const tokens = el("span.big"), answers = el("span.muted");
  const actions = el("div.actions");
  const node = el("tr", { role: "row" }, place,
    el("th.who", { scope: "row", role: "rowheader" }, el("div.names", null, name, nextTag, toolTag, eyeTag, reads), el("div.id", null, id)),
    el("td.state", { role: "cell" }, el("div", null, pill, back), why, err),
    el("td.beats", { role: "cell", "data-head": t("last60") }, beats.node, rate),
    el("td.num", { role: "cell", "data-head": t("ttft") }, p50, p95),
    el("td.quota", { role: "cell", "data-head": t("quotaHead") }, quota.node),
    el("td.num", { role: "cell", "data-head": t("todayHead") }, tokens, answers),
    el("td.acts", { role: "cell" }, actions));
  const buttons = {};
  for (const what of ["pause", "resume", "reset"]) {
    buttons[what] = el("button.ghost.small", { type: "button", title: t(what), "aria-label": t(what + "Of", { model: first.name }), click: () => operate(what, now) },
      icon(what === "resume" ? "play" : what));
    actions.append(buttons[what]);
  }
  let now = first, was = "";
  return { node, update };

  function update(m) {
    now = m;
    attr(node, "data-first", m.is_current ? "yes" : null);
    const may = mayChange();
    show(buttons.pause, may && m.reason !== "paused" && !isOff(m));
    show(buttons.resume, may && m.reason === "paused");
    show(buttons.reset, may);
    const is = JSON.stringify(m);
    if (is === was) return;
    was = is;
    const kind = kindOf(m);
    attr(node, "data-kind", kind);
    attr(node, "data-id", m.id);
    text(place, m.position ? String(m.position) : "");
    text(name, m.name || m.id);
    text(id, m.id + " · " + m.provider);
    attr(id, "title", m.id + " · " + m.provider);
    show(nextTag, m.is_current);
    show(toolTag, m.supports_tools);
    show(eyeTag, m.supports_vision);
    show(reads, Boolean(m.context_length));
    text(reads, m.context_length ? size(m.context_length) : "");
    attr(reads, "title", m.context_length ? t("contextTitle", { n: number(m.context_length) }) : null);
    attr(pill, "data-kind", kind);
    swapIcon(pillIcon, iconOf(kind));
    text(pillWord, t("s_" + kind));
    const counts = !m.is_available && m.available_at;
    show(back, Boolean(counts));
    until(back, counts || null, "until");
    const reason = kind === "ok" ? failures(m) : m.advice || said("r_", m.reason) + (!counts && kind !== "trial" && kind !== "paused" && kind !== "off" ? ", " + t("noEnd") : "");
    text(why, reason);
    show(why, reason !== "");
    show(err, Boolean(m.last_error));
    text(errText, m.last_error ? words(m.last_error) : "");
    until(errHead, m.last_error_at, "lastError", true);
    if (m.last_error && !m.last_error_at) text(errHead, t("lastError", { when: "" }));
    beats.update(m.recent || "");
    text(rate, m.success_rate === null || m.success_rate === undefined ? t("noAttempts") : t("success", { n: share(m.success_rate) }));
    const ttft = m.ttft_ms || {};
    text(p50, ttft.p50 ? span(ttft.p50) : "–");
    text(p95, ttft.p95 ? t("p95") + " " + span(ttft.p95) : "");
    quota.update(m.quota || []);
    const today = m.today || { requests: 0, tokens: 0 };
    text(tokens, today.tokens ? t("tokensN", { n: compact(today.tokens) }) : "–");
    text(answers, today.requests ? counted("requests", today.requests) : "");
  }
}

/** words is an error without the class that freefall put before it: the page has words of its own for that. */
export function words(error) {
  const [, kind, rest] = /^([a-z_]+)(?:: (.*))?$/s.exec(error) || [];
  return kind ? rest || said("o_", kind) : error;
}

function failures(m) {
  if (!m.failure_count) return "";
  return m.failure_count === 1 ? t("failure") : t("failures", { n: m.failure_count });
}

/** heartbeat draws the last results, the newest at the right: three paths, however many there are. */
function heartbeat() {
  const paths = { o: svg("path", { class: "ok" }), l: svg("path", { class: "limit" }), f: svg("path", { class: "fault" }) };
  const rest = svg("path", { class: "rest" });
  const node = svg("svg", { viewBox: "0 0 180 24", class: "heartbeat", role: "img", preserveAspectRatio: "none" }, rest, paths.o, paths.l, paths.f);
  let was = null;
  return {
    node,
    update(recent) {
      if (recent === was) return;
      was = recent;
      const count = { o: 0, l: 0, f: 0 }, d = { o: "", l: "", f: "" };
      let blank = "";
      for (let i = 0; i < BEATS; i++) {
        const beat = recent[recent.length - BEATS + i];
        const x = i * 3;
        if (beat in d) {
          count[beat]++;
          d[beat] += beat === "o" ? "M" + x + " 5h2v14h-2z" : "M" + x + " 2h2v20h-2z";
        } else blank += "M" + x + " 11h2v2h-2z";
      }
      for (const k of ["o", "l", "f"]) attr(paths[k], "d", d[k]);
      attr(rest, "d", blank);
      attr(node, "aria-label", t("beats", { all: recent.length, ok: count.o, limit: count.l, fault: count.f }));
    },
  };
}
