// One request: its attempts on a time line, and what came of each.

import { el, icon, copyButton } from "./dom.js";
import { nameOf } from "./state.js";
import { t, said, number, counted, seconds, span } from "./text.js";
import { limits } from "./feed.js";
import { toast } from "./toast.js";

const kindOf = (a) => (a.outcome === "ok" ? "ok" : limits.has(a.outcome) ? "limit" : ["hedge_lost", "client_left", "stopped"].includes(a.outcome) ? "off" : "fault");

export function drill(r) {
  const dialog = document.getElementById("drill");
  const fine = r.outcome === "ok" && r.status < 400;
  const fact = (name, value) => value && el("div", null, el("dt", null, t(name)), el("dd", null, value));
  dialog.replaceChildren(
    el("div.head", null,
      el("h2", { id: "drill-title" }, t("request"), " ", el("span.mono", null, r.id.slice(0, 64))),
      copyButton(() => r.id, t("copyID"), () => toast(t("copied"))),
      el("button.ghost.small.close", { type: "button", "aria-label": t("close"), click: () => dialog.close() }, icon("close"))),
    el("p.verdict", { "data-kind": fine ? "ok" : "fault" }, icon(fine ? "ok" : "bad"),
      el("strong", null, fine ? nameOf(r.model) : said("o_", r.outcome)), " ", fine ? t("o_ok") : [r.error, r.status].filter(Boolean).join(" · ")),
    el("dl.facts", null,
      fact("time", seconds(Date.parse(r.time))), fact("client", r.client || t("anyone")), fact("asked", r.asked),
      fact("took", span(r.took_ms)), fact("ttft", r.ttft_ms ? span(r.ttft_ms) : ""),
      fact("tokens", r.input_tokens + r.output_tokens ? t("tokensIO", { i: number(r.input_tokens), o: number(r.output_tokens) }) : ""),
      fact("answer", r.stream ? t("stream") : t("whole"))),
    el("h3", null, t("timeline")), timeline(r), table(r));
  dialog.showModal();
}

/** timeline draws the attempts as bars over the time of the request. Widths are set one by one: the page has no inline styles. */
function timeline(r) {
  if (!r.attempts.length) return el("p.empty", null, t("noCalls"));
  const whole = Math.max(r.took_ms, 1, ...r.attempts.map((a) => a.started_ms + a.took_ms));
  const list = el("ol.timeline");
  for (const a of r.attempts) {
    const bar = el("div.run", { "data-kind": kindOf(a) });
    place(bar, a.started_ms, Math.max(a.took_ms, whole / 200), whole);
    const track = el("div.track", { role: "img", "aria-label": t("bar", { model: nameOf(a.model), outcome: said("o_", a.outcome), a: span(a.started_ms), b: span(a.started_ms + a.took_ms) }) }, bar);
    if (a.ttft_ms) {
      const mark = el("div.mark", { title: t("ttftMark", { t: span(a.ttft_ms) }) });
      place(mark, a.started_ms + a.ttft_ms, 0, whole);
      track.append(mark);
    }
    list.append(el("li", null, el("span.who", null, nameOf(a.model)), track, el("span.num", null, span(a.took_ms))));
  }
  const axis = el("div.axis", { "aria-hidden": "true" });
  for (let i = 0; i <= 4; i++) axis.append(el("span", null, span((whole * i) / 4)));
  return el("div.timelines", null, list, axis);
}

function place(node, from, length, whole) {
  node.style.left = (from / whole) * 100 + "%";
  node.style.width = (length / whole) * 100 + "%";
}

function table(r) {
  if (!r.attempts.length) return "";
  const head = (name, cls) => el("th" + (cls || ""), { scope: "col" }, t(name));
  return el("div.scroll", { tabindex: "0", role: "region", "aria-label": counted("attempts", r.attempts.length) }, el("table.tries", null,
    el("thead", null, el("tr", null, head("model"), head("outcome"), head("started", ".num"), head("took", ".num"), head("detail"))),
    el("tbody", null, ...r.attempts.map((a) => el("tr", { "data-kind": kindOf(a) },
      el("th", { scope: "row" }, nameOf(a.model), el("span.mono.id", null, a.model), el("span.muted", null, a.account || a.provider)),
      el("td", null, el("span.pill", { "data-kind": kindOf(a) }, said("o_", a.outcome)), a.status ? el("span.muted", null, " " + a.status) : ""),
      el("td.num", null, span(a.started_ms)),
      el("td.num", null, span(a.took_ms)),
      el("td.detail", null, a.detail || "", a.rested && el("p", null, t("rests") + ": " + (a.until ? t("restsUntil", { what: a.rested, time: seconds(Date.parse(a.until)) }) : a.rested))))))));
}
