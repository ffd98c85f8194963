// The last requests as they end, and the log of switches.

import { el, text, show, attr, icon, swapIcon, keyed } from "./dom.js";
import { state, keyOf, nameOf } from "./state.js";
import { t, said, number, seconds, span } from "./text.js";
import { drill } from "./drill.js";

const good = (r) => r.outcome === "ok" && r.status < 400;

export function feed(root, refresh) {
  let held = null;
  const holdIcon = icon("pause");
  const holdWord = el("span");
  const hold = el("button.ghost", { type: "button", "aria-pressed": "false", click: () => {
    held = held ? null : state.requests;
    refresh();
  } }, holdIcon, holdWord);
  const failed = el("input", { type: "checkbox", change: refresh });
  const who = el("select", { "aria-label": t("filterClient"), change: refresh });
  const note = el("span.muted");
  const body = el("tbody", { role: "rowgroup" });
  const head = (name, cls) => el("th" + (cls || ""), { scope: "col", role: "columnheader" }, t(name));
  const table = el("table.feed", { role: "table", "aria-labelledby": "requests-title" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head("time"), head("client", ".client"), head("outcome"), head("answeredBy"), head("trail"),
      head("ttft", ".num"), head("took", ".num"), head("tokens", ".num"))), body);
  const empty = el("p.empty");
  root.append(
    el("div.head", null, el("h2", { id: "requests-title" }, t("requests")), el("span.muted", null, t("requestsHelp")),
      el("div.filters", null, note, who, el("label.check", null, failed, t("onlyFailed")), hold)),
    el("div.scroll.tall", { tabindex: "0", role: "region", "aria-labelledby": "requests-title" }, table), empty);
  const draw = keyed(body, row);
  let clients = "";
  return () => {
    const list = held || state.requests;
    pickClients(list);
    const shown = list.filter((r) => (!failed.checked || !good(r)) && (who.value === "" || who.value === "=" + (r.client || "")));
    draw(shown, keyOf);
    attr(table, "data-anonymous", shown.some((r) => r.client) ? null : "yes");
    show(table, shown.length > 0);
    show(empty, shown.length === 0);
    text(empty, state.denied || !state.told ? t("notTold") : t("noRequests"));
    attr(hold, "aria-pressed", String(Boolean(held)));
    text(holdWord, held ? t("holdOn") : t("hold"));
    swapIcon(holdIcon, held ? "play" : "pause");
    const since = held ? state.requests.findIndex((r) => r === held[0]) : 0;
    text(note, held ? t("held", { n: since < 0 ? state.requests.length + "+" : number(since) }) : "");
  };

  // The names in the list, each once; the choice stays.
  function pickClients(list) {
    const names = [...new Set(list.map((r) => r.client || ""))].sort();
    if (names.join("\n") === clients && who.options.length) return;
    clients = names.join("\n");
    const was = who.value;
    who.replaceChildren(el("option", { value: "" }, t("allClients")), ...names.map((n) => el("option", { value: "=" + n }, n || t("anyone"))));
    who.value = [...who.options].some((o) => o.value === was) ? was : "";
    show(who, names.length > 1 || who.value !== "");
  }
}

function row(r) {
  const fine = good(r);
  const hedged = r.attempts.some((a) => a.outcome === "hedge_lost");
  const button = el("button.link.mono", { type: "button", "aria-label": t("open", { time: seconds(Date.parse(r.time)) }), click: () => drill(r) }, seconds(Date.parse(r.time)));
  const kind = fine ? "ok" : r.outcome === "client_left" ? "off" : "fault";
  const word = fine ? t("o_ok") : r.outcome === "failed" ? r.error || t("o_failed") : said("o_", r.outcome);
  const trail = el("ol.trail");
  for (const a of r.attempts.length > 1 || !fine ? r.attempts.slice(0, 8) : []) {
    trail.append(el("li", { "data-kind": a.outcome === "ok" ? "ok" : limits.has(a.outcome) ? "limit" : a.outcome === "hedge_lost" ? "off" : "fault", title: a.model + ": " + said("o_", a.outcome) },
      el("span", null, brief(a.model)), a.outcome === "ok" ? "" : el("span.what", null, said("o_", a.outcome))));
  }
  if (r.attempts.length > 8) trail.append(el("li", null, "…"));
  const node = el("tr", { role: "row", "data-kind": kind, "data-id": r.id, click: (e) => e.target.closest("button") || getSelection().toString() || drill(r) },
    el("td", { role: "cell" }, button),
    el("td.client", { role: "cell", "data-head": t("client") }, r.client || "–"),
    el("td", { role: "cell" }, el("span.pill", { "data-kind": kind }, icon(fine ? "ok" : kind === "off" ? "off" : "bad"), word)),
    el("td.by", { role: "cell", "data-head": t("answeredBy") }, r.model ? nameOf(r.model) : "–"),
    el("td.way", { role: "cell" }, trail, r.waited_ms > 0 ? el("span.muted", null, " " + t("waitedFor", { t: span(r.waited_ms) })) : ""),
    el("td.num", { role: "cell", "data-head": t("ttft") }, r.ttft_ms ? span(r.ttft_ms) : "–"),
    el("td.num", { role: "cell", "data-head": t("took") }, span(r.took_ms)),
    el("td.num", { role: "cell", "data-head": t("tokens") }, r.input_tokens + r.output_tokens ? number(r.input_tokens + r.output_tokens) : "–"));
  if (hedged) node.dataset.hedged = "yes";
  return { node, update() {} };
}

export const limits = new Set(["rate_limited", "quota_exhausted", "payment_required"]);

/** brief is an id without whose it is and its tag: "deepseek-chat-v3-0324". */
export function brief(id) {
  return String(id).replace(/^.*\//, "").replace(/:free$/, "");
}

export function switches(root) {
  const list = el("ol.switches");
  const empty = el("p.empty", null, t("noSwitches"));
  root.append(el("div.head", null, el("h2", { id: "switches-title" }, t("switches")), el("span.muted", null, t("switchesHelp"))), el("div.scroll.short", { tabindex: "0", role: "region", "aria-labelledby": "switches-title" }, list), empty);
  const draw = keyed(list, (s) => ({
    node: el("li", { "data-kind": limits.has(s.why) ? "limit" : "fault" },
      el("button.link.mono", { type: "button", "aria-label": t("open", { time: seconds(s.at) }), click: () => drill(s.request) }, seconds(s.at)),
      el("span", null, el("span.from", null, nameOf(s.from)), " ", icon("next"), " ", el("span.to", null, nameOf(s.to))), el("span.what", null, said("o_", s.why))),
    update() {},
  }));
  return () => {
    draw(state.switches, (s) => s.key);
    show(empty, state.switches.length === 0);
  };
}
