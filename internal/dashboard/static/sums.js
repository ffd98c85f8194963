// What a day, a week or a month came to: how much of the free quota was used, and what the same tokens would have cost.

import { el } from "./dom.js";
import { nameOf } from "./state.js";
import { t, compact, number, share, span, dollars } from "./text.js";

const tokensOf = (m) => m.input_tokens + m.output_tokens;
const taken = (m) => m.attempts - m.limits; // what a provider turns away at a limit draws nothing

/** costOf is what the tokens would have cost, null where nobody knows the price. */
function costOf(m) {
  return m.price ? (m.input_tokens * m.price.input + m.output_tokens * m.price.output) / 1e6 : null;
}

/** used is the share of what the windows of so many days gave, null where no limit of a day is known. Of two, the one that is nearer to its end. */
function used(m, days) {
  const shares = [[taken(m), m.day.requests], [tokensOf(m), m.day.tokens]].filter(([, of]) => of > 0).map(([n, of]) => n / (of * days));
  return shares.length ? Math.max(...shares) : null;
}

/** tiles are the sums of all models. */
export function tiles(past, days) {
  const sum = (of, list = past.models) => list.reduce((n, m) => n + of(m), 0);
  const bounded = past.models.filter((m) => m.day.requests > 0);
  const granted = past.day?.requests || 0;
  const priced = past.models.filter((m) => m.price);
  const rest = sum(tokensOf) - sum(tokensOf, priced);
  return [
    tile("sumAnswers", number(sum((m) => m.answers)), t("sumAttempts", { n: number(sum((m) => m.attempts)) })),
    tile("chartFallovers", number(sum((m) => m.fallovers)), t("falloversHelp")),
    tile("sumTokens", compact(sum(tokensOf)), t("tokensIO", { i: compact(sum((m) => m.input_tokens)), o: compact(sum((m) => m.output_tokens)) })),
    tile("quotaUsed", granted ? share(sum(taken, bounded) / (granted * days)) : t("unknown"),
      granted ? t("quotaUsedOf", { used: number(sum(taken, bounded)), limit: number(Math.round(granted * days)) }) : t("noDayKnown")),
    tile("wouldCost", priced.length ? dollars(sum(costOf, priced)) : t("unknown"), rest > 0 ? t("unpriced", { n: compact(rest) }) : t("freeNow")),
  ];
}

function tile(name, value, more) {
  return el("div.tile", { "data-sum": name }, el("dt", null, t(name)), el("dd", null, el("span.figure", null, value), el("span.muted", null, more)));
}

/** table is all of it by model, who answered most first. */
export function table(past, days) {
  const head = (name, cls) => el("th" + (cls || ""), { scope: "col" }, t(name));
  const rows = past.models.slice().sort((a, b) => b.answers - a.answers || b.attempts - a.attempts);
  return el("table.past", null,
    el("thead", null, el("tr", null, head("model"), head("sumAnswers", ".num"), head("chartFallovers", ".num"), head("sumTokens", ".num"), head("ttft", ".num"),
      head("quotaUsed", ".num"), head("wouldCost", ".num"))),
    el("tbody", null, ...rows.map((m) => row(m, days))));
}

function row(m, days) {
  const part = used(m, days), cost = costOf(m);
  const two = (big, more) => el("td.num", null, el("span.big", null, big), el("span.muted", null, more));
  const grants = [m.day.requests && t("requestsADay", { n: number(m.day.requests) }), m.day.tokens && t("tokensADay", { n: compact(m.day.tokens) })].filter(Boolean).join(", ");
  return el("tr", { "data-id": m.id },
    el("th", { scope: "row" }, el("span.big", null, nameOf(m.id)), el("span.id.mono", null, m.id + " · " + m.provider)),
    two(number(m.answers), t("sumAttempts", { n: number(m.attempts) })),
    two(number(m.fallovers), ""),
    two(compact(tokensOf(m)), t("tokensIO", { i: compact(m.input_tokens), o: compact(m.output_tokens) })),
    two(m.ttft_ms.p50 === null ? "–" : span(m.ttft_ms.p50), m.ttft_ms.p95 === null ? "" : t("p95") + " " + span(m.ttft_ms.p95)),
    two(part === null ? t("unknown") : share(part), grants && t("ofThat", { grants })),
    two(cost === null ? t("unknown") : dollars(cost), m.price ? t("priceOf", { input: dollars(m.price.input), output: dollars(m.price.output), id: m.price.of, provider: m.provider }) : t("priceNone", { provider: m.provider })));
}
