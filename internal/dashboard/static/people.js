// Who has what left, and who spent it.

import { el, text, show, attr, keyed } from "./dom.js";
import { state } from "./state.js";
import { t, said, counted, compact } from "./text.js";
import { until } from "./clocks.js";
import { quotaBars } from "./quota.js";

export function accounts(root) {
  const list = el("ul.cards");
  const empty = el("p.empty");
  root.append(el("div.head", null, el("h2", { id: "quota-title" }, t("accounts")), el("span.muted", null, t("accountsHelp"))),
    el("div.scroll.short", { tabindex: "0", role: "region", "aria-labelledby": "quota-title" }, list), empty);
  const draw = keyed(list, () => {
    const name = el("strong"), models = el("span.muted"), quota = quotaBars(true), list = el("ul.keys");
    const drawKeys = keyed(list, keyLine);
    return {
      node: el("li", null, el("div.line", null, name, models), quota.node, list),
      update(a) {
        text(name, a.name);
        const n = (a.models || []).length;
        text(models, counted("models", n));
        quota.update(a.quota || []);
        drawKeys(state.keys.filter((k) => (k.account || k.provider) === a.name), (k) => k.provider + " " + k.n);
      },
    };
  });
  return () => {
    const all = state.accounts || [];
    draw(all.map((a, n) => ({ ...a, n })), (a) => a.name + " " + a.n);
    show(empty, all.length === 0);
    text(empty, state.accounts ? t("noAccounts") : t("accountsHidden"));
  };
}

/** keyLine is one key of an account: whether it is good, why not, and until when. */
function keyLine() {
  const dot = el("span.dot"), name = el("span"), word = el("span"), back = el("span.count.inline");
  const node = el("li", null, dot, name, word, back);
  return {
    node,
    update(k) {
      attr(node, "data-kind", k.state);
      text(name, t("keyN", { n: k.n }) + (k.last4 ? " …" + k.last4 : ""));
      text(word, k.state === "available" ? t("k_available") : said("r_", k.reason) + (k.state === "parked" ? ". " + t("k_parked") : ""));
      show(back, Boolean(k.until));
      until(back, k.until, "until");
    },
  };
}

export function clients(root) {
  const list = el("ul.cards");
  const empty = el("p.empty", null, t("noClients"));
  const note = el("p.muted.note", null, t("clientsSince"));
  root.append(el("div.head", null, el("h2", { id: "clients-title" }, t("clients")), el("span.muted", null, t("clientsHelp"))),
    el("div.scroll.short", { tabindex: "0", role: "region", "aria-labelledby": "clients-title" }, list), empty, note);
  const draw = keyed(list, () => {
    const name = el("strong"), answers = el("span"), tokens = el("span.muted"), fill = el("div"), quota = quotaBars(true);
    const part = el("div.part", { "aria-hidden": "true" }, fill);
    return {
      node: el("li", null, el("div.line", null, name, el("span.sum", null, answers, " ", tokens)), part, quota.node),
      update(c) {
        text(name, c.name || t("anyone"));
        text(answers, counted("requests", c.requests));
        text(tokens, t("tokensN", { n: compact(c.tokens) }));
        fill.style.width = c.of > 0 ? (c.requests / c.of) * 100 + "%" : "0";
        show(quota.node, c.quota.length > 0);
        quota.update(c.quota);
      },
    };
  });
  return () => {
    const all = joined();
    draw(all, (c) => c.name === null ? "" : "=" + c.name);
    show(empty, all.length === 0);
    show(note, all.length > 0);
  };
}

/** joined are the clients with their shares, and whoever else was answered; who had most comes first. */
function joined() {
  const by = new Map();
  for (const s of state.spent) by.set(s.client, { name: s.client, requests: s.requests, tokens: s.tokens, quota: [] });
  for (const c of state.clients || []) {
    const known = by.get(c.name);
    if (known) known.quota = c.quota || [];
    else by.set(c.name, { name: c.name, requests: 0, tokens: 0, quota: c.quota || [] });
  }
  const all = [...by.values()].sort((a, b) => b.requests - a.requests || String(a.name).localeCompare(String(b.name)));
  const of = all.reduce((n, c) => n + c.requests, 0);
  for (const c of all) c.of = of;
  return all;
}
