// Which model answers now, what is left until when, and why it is not the first one.

import { el, text, show, attr, icon, swapIcon } from "./dom.js";
import { state, kindOf } from "./state.js";
import { t, said, counted, compact, clock, number, share } from "./text.js";
import { until } from "./clocks.js";
import { iconOf, words } from "./models.js";

const NAMED = 4; // clients that are named

export function headline(root) {
  const eyebrow = el("p.eyebrow");
  const title = el("h1", { id: "headline" });
  const back = el("span.count");
  const sub = el("p.sub.mono");

  const leftNumber = el("span.figure");
  const leftWord = el("span.label");
  const leftMore = el("span.muted");
  const meter = el("div.meter", { role: "meter", "aria-valuemin": "0" }, el("div"));
  const left = el("div.fact", { id: "left" }, el("p.line", null, leftNumber, leftWord), meter, leftMore);

  const lastsNumber = el("span.figure");
  const lastsWord = el("span.label");
  const lastsMore = el("span.muted");
  const lasts = el("div.fact", { id: "lasts" }, el("p.line", null, lastsWord, lastsNumber), lastsMore);

  const spentNumber = el("span.figure");
  const spentWord = el("span.label");
  const spentBar = el("div.shares", { "aria-hidden": "true" });
  const spentMore = el("ul.legend");
  const spent = el("div.fact", { id: "spent" }, el("p.line", null, spentNumber, spentWord), spentBar, spentMore);
  let spenders = "";

  const whyIcon = icon("wait");
  const whyTitle = el("strong");
  const whyText = el("span");
  const whyCount = el("span.count.inline");
  const whyMore = el("span.muted.clamp");
  const why = el("div.fact.why", { id: "why" }, el("p.line", null, whyIcon, whyTitle), el("p", null, whyText, " ", whyCount), whyMore);

  const waiting = el("p.waiting");
  root.append(eyebrow, title, back, sub, el("div.facts", null, why, left, lasts, spent), waiting);
  const announce = document.getElementById("announce");

  return () => {
    const m = state.current;
    show(back, false);
    show(sub, Boolean(m));
    show(root.querySelector(".facts"), Boolean(m));
    if (!m) {
      text(eyebrow, "");
      text(title, state.denied ? t("deniedHead") : state.loaded ? t("noModels") : t("loading"));
      show(waiting, false);
      return;
    }
    const kind = kindOf(m);
    const answers = m.is_available || kind === "trial";
    const none = kind === "off" || kind === "paused";
    attr(root, "data-kind", answers ? "ok" : kind);
    text(eyebrow, answers ? t("answering") : none ? "" : t("nobody"));
    text(title, none ? t("noKeyHead") : answers ? m.name : t("nobodyNext", { model: m.name }));
    text(sub, none ? m.advice || said("r_", m.reason) : m.id + " · " + m.provider);
    show(back, !answers && Boolean(m.available_at));
    until(back, answers ? null : m.available_at, null);
    document.title = (answers ? m.name : t("nobody")) + " · freefall";
    text(announce, answers ? t("announce", { model: m.name }) : t("nobody"));
    drawWhy(m, answers);
    drawLeft(state.left);
    drawSpent(state.spent);
    show(waiting, state.waiting > 0);
    text(waiting, counted("waiting", state.waiting));
  };

  function drawWhy(m, answers) {
    const first = state.first;
    const same = first === m;
    const kind = kindOf(first);
    swapIcon(whyIcon, same && answers ? "ok" : iconOf(kind));
    attr(why, "data-kind", same && answers ? "ok" : kind);
    text(whyTitle, same && answers ? t("isFirst") : t("whyNot", { model: first.name }));
    const waits = !same && first.is_available && kind === "ok";
    text(whyText, same && answers ? t("whyFirst") : waits ? t("availableAgain") : said("r_", first.reason) + ".");
    const counts = !first.is_available && first.available_at;
    show(whyCount, Boolean(counts));
    until(whyCount, counts || null, "until");
    const more = same && answers ? "" : first.advice || (waits || !first.last_error ? "" : words(first.last_error));
    text(whyMore, more);
    show(whyMore, more !== "");
  }

  function drawLeft(l) {
    const known = Boolean(l && l.requests !== null && l.limit > 0);
    text(leftNumber, known ? number(l.requests) : "∞");
    show(leftNumber, known);
    text(leftWord, known ? t("leftToday") : t("leftUnknown"));
    show(meter, known);
    const extra = l && l.unbounded > 0 ? (l.unbounded === 1 ? t("oneUnbounded") : t("manyUnbounded", { n: l.unbounded })) : "";
    text(leftMore, known ? [t("leftTodayOf", { limit: number(l.limit) }), extra].filter(Boolean).join(" ") : "");
    if (known) {
      const part = Math.max(0, Math.min(1, l.requests / l.limit));
      meter.firstChild.style.width = part * 100 + "%";
      attr(meter, "aria-valuenow", String(l.requests));
      attr(meter, "aria-valuemax", String(l.limit));
      attr(meter, "aria-label", t("leftToday"));
      attr(meter, "data-low", part < 0.1 ? "yes" : null);
    }
    show(lasts, known);
    if (!known) return;
    const gone = l.requests === 0;
    text(lastsWord, gone ? t("nothingLeft") : l.lasts_until ? t("lasts") : t("lastsReset"));
    text(lastsNumber, gone || !l.lasts_until ? (l.resets_at ? clock(l.resets_at) : "") : clock(l.lasts_until));
    const pace = l.per_hour > 0 ? t("atPace", { n: compact(Math.round(l.per_hour)) }) : t("noPace");
    text(lastsMore, l.resets_at && l.lasts_until ? pace + " · " + t("resetAt", { time: clock(l.resets_at) }) : pace);
  }
  // Who spent it: those who had most by name, all others as one.
  function drawSpent(list) {
    const is = JSON.stringify(list);
    if (is === spenders) return;
    spenders = is;
    const all = list.reduce((n, c) => n + c.requests, 0);
    text(spentNumber, number(all));
    text(spentWord, all === 1 ? t("spentToday1") : t("spentTodayN"));
    const named = list.length > NAMED ? [...list.slice(0, NAMED - 1), { rest: true, requests: list.slice(NAMED - 1).reduce((n, c) => n + c.requests, 0) }] : list;
    spentBar.replaceChildren(...named.map((c, i) => {
      const part = el("div", { "data-colour": String(i) });
      part.style.width = (c.requests / (all || 1)) * 100 + "%";
      return part;
    }));
    spentMore.replaceChildren(...(named.length ? named.map((c, i) => el("li", { "data-colour": String(i) }, el("span.swatch"),
      el("span.by", null, c.rest ? t("others") : c.client || t("anyone")), el("strong", null, share(Math.round((c.requests / (all || 1)) * 100) / 100)))) : [el("li.muted", null, t("noClients"))]));
  }
}
