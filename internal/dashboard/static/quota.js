// Windows of quota as bars: of a model, of an account, of a client.

import { el, text, show, attr, keyed } from "./dom.js";
import { t, said, compact, number, windowName } from "./text.js";
import { until } from "./clocks.js";

const MOST = 4; // bars in a row of the table

/** together adds up the windows of several accounts: what the model can draw from all of them. */
export function together(quota) {
  const groups = new Map();
  for (const q of quota) {
    const key = q.scope + " " + q.window;
    const g = groups.get(key);
    if (!g) groups.set(key, { ...q, key, sources: [q.source] });
    else {
      g.used += q.used;
      g.limit += q.limit;
      if (!g.sources.includes(q.source)) g.sources.push(q.source);
      if (q.resets_at && (!g.resets_at || q.resets_at < g.resets_at)) g.resets_at = q.resets_at;
    }
  }
  return [...groups.values()];
}

/** quotaBars shows them; the tightest come first when there is no room for all. */
export function quotaBars(all) {
  const list = el("ul.bars");
  const none = el("span.muted");
  const node = el("div", null, list, none);
  const draw = keyed(list, bar);
  return {
    node,
    update(quota) {
      const groups = together(quota).sort((a, b) => b.used / b.limit - a.used / a.limit);
      const shown = all ? groups : groups.slice(0, MOST);
      draw(shown, (q) => q.key);
      const more = groups.length - shown.length;
      text(none, groups.length === 0 ? t("noQuota") : more > 0 ? t("moreQuota", { n: more }) : "");
      show(none, groups.length === 0 || more > 0);
    },
  };
}

function bar() {
  const name = el("span.window");
  const left = el("span.left");
  const reset = el("span.reset");
  const fill = el("div");
  const meter = el("div.meter", { role: "meter", "aria-valuemin": "0" }, fill);
  const source = el("span.source");
  const node = el("li", null, name, left, meter, el("div.under", null, reset, source));
  return {
    node,
    update(q) {
      const used = Math.min(1, q.limit > 0 ? q.used / q.limit : 1);
      text(name, windowName(q.window));
      attr(node, "title", (q.scope === "model" ? t("scopeModel") : q.scope === "account" ? t("scopeAccount") : t("share")) + ": " +
        t("quotaOf", { used: number(q.used), limit: number(q.limit) }));
      text(left, t("leftN", { n: compact(Math.max(0, q.limit - q.used)) }));
      fill.style.width = (1 - used) * 100 + "%";
      attr(meter, "data-low", used >= 0.9 ? "yes" : null);
      attr(meter, "aria-valuemax", String(q.limit));
      attr(meter, "aria-valuenow", String(Math.max(0, q.limit - q.used)));
      attr(meter, "aria-label", windowName(q.window) + ": " + t("leftN", { n: number(Math.max(0, q.limit - q.used)) }));
      show(reset, Boolean(q.resets_at));
      until(reset, q.resets_at, "resetsIn");
      const from = q.sources.filter(Boolean);
      text(source, from.map((s) => said("src_", s)).join(", "));
      attr(source, "title", from.map((s) => said("from_", s)).join("; "));
    },
  };
}
