// The page: its parts, and the loop that draws them.

import { el, text, show, attr, icon, copyButton } from "./dom.js";
import { state } from "./state.js";
import { session } from "./api.js";
import { lang, choose, t } from "./text.js";
import { start, restart, link } from "./live.js";
import { tick } from "./clocks.js";
import { headline } from "./headline.js";
import { models } from "./models.js";
import { feed, switches } from "./feed.js";
import { accounts, clients } from "./people.js";
import { history } from "./history.js";
import { explain, names } from "./explain.js";
import { tryIt, baseURL } from "./try.js";
import { connect } from "./connect.js";
import { sign, whoami, open } from "./sign.js";
import { toast } from "./toast.js";

const PAUSE = 100; // between two drawings: ten a second, whatever comes in

const $ = (id) => document.getElementById(id);
document.documentElement.lang = lang;
for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));

let due = false, drawn = 0;

function refresh() {
  if (due) return;
  due = true;
  setTimeout(draw, Math.max(0, drawn + PAUSE - performance.now()));
}

const past = history($("history"));
explain($("explain"));
const parts = [headline($("hero")), notices($("notices")), first($("start")), models($("models"), refresh), feed($("requests"), refresh),
  accounts($("quota")), clients($("clients")), switches($("switches")), connect($("connect")), tryIt($("try")), names(), sign(refresh, () => {
    restart();
    past.load();
  }), status($("live")), foot($("foot"))];

function draw() {
  due = false;
  for (const part of parts) part();
  drawn = performance.now();
}

/** status says whether what is shown is true now. */
function status(node) {
  const word = el("span");
  node.append(el("span.dot"), word);
  return () => {
    attr(node, "data-kind", link.word);
    const wait = Math.ceil((link.retryAt - Date.now()) / 1000);
    text(word, link.word === "lost" ? (wait > 0 ? t("lost", { n: wait }) : t("retrying")) : t(link.word));
  };
}

/** notices are what somebody has to do something about. */
function notices(root) {
  const config = el("p.notice.bad", { role: "alert" });
  const key = el("div.notice", null, el("p", null, t("deniedHelp")), el("button", { type: "button", click: open }, t("signIn")));
  const readOnly = el("p.notice");
  root.append(config, key, readOnly);
  return () => {
    show(config, Boolean(state.refused));
    text(config, t("configBad") + " " + (state.refused || ""));
    show(key, state.denied !== "");
    attr(root.parentNode, "data-denied", state.denied ? "yes" : null);
    show(readOnly, session.known && !session.admin && !session.login && state.loaded);
    text(readOnly, t("readOnly", { variable: session.variable || "FREEFALL_ADMIN_KEY" }));
  };
}

/** first leads to the first answer, and goes away when it has come. */
function first(root) {
  const steps = ["start1", "start2", "start3"].map((name) => {
    const mark = el("span.mark");
    const help = el("span.muted", null, t(name + "Help", { url: baseURL() }));
    const node = el("li", null, mark, el("div", null, el("strong", null, t(name)), " ", help));
    if (name === "start2") node.append(copyButton(baseURL, t("copyURL"), () => toast(t("copied"))));
    if (name === "start2") node.append(el("a.button.plain", { href: "#connect" }, t("connect")));
    if (name === "start3") node.append(el("a.button", { href: "#try" }, t("tryNow")));
    root.append(node);
    return { node, mark };
  });
  root.replaceChildren(el("h2", { id: "start-title" }, t("startTitle")), el("ol.steps", null, ...steps.map((s) => s.node)));
  return () => {
    const key = state.models.some((m) => !["no_key", "not_free"].includes(m.reason));
    const answered = state.spent.length > 0 || state.models.some((m) => m.recent);
    const done = [key, answered, answered];
    steps.forEach((s, i) => {
      attr(s.node, "data-done", done[i] ? "yes" : null);
      s.mark.replaceChildren(done[i] ? icon("ok") : String(i + 1));
      attr(s.mark, "aria-label", done[i] ? t("stepDone") : t("stepOpen"));
      attr(s.mark, "role", "img");
    });
    show(root, state.loaded && state.models.length > 0 && !answered && state.denied === "");
  };
}

function foot(root) {
  root.append(el("p", null, t("baseURL"), " ", el("code", null, baseURL()), copyButton(baseURL, t("copyURL"), () => toast(t("copied")))),
    el("p", null, el("a", { href: "/api/chat/models" }, t("footAPI")), " · ", el("a", { href: "/metrics" }, t("footMetrics")), " · ", el("a", { href: "/openapi.json" }, "OpenAPI")));
  return () => {};
}

function tools() {
  const other = $("lang");
  text(other, t("language"));
  attr(other, "aria-label", t("languageLabel"));
  attr(other, "lang", lang === "ko" ? "en" : "ko");
  other.addEventListener("click", () => choose(lang === "ko" ? "en" : "ko"));
  const theme = $("theme");
  const root = document.documentElement;
  const label = () => {
    const is = root.dataset.theme || "auto";
    theme.replaceChildren(icon({ auto: "auto", light: "sun", dark: "moon" }[is]));
    attr(theme, "aria-label", t("theme_" + is));
    attr(theme, "title", t("theme_" + is));
  };
  theme.addEventListener("click", () => {
    const next = { undefined: "light", light: "dark", dark: "" }[root.dataset.theme];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      localStorage.setItem("freefall.theme", next);
    } catch { /* it holds until the page is left */ }
    label();
    document.dispatchEvent(new Event("theme"));
  });
  label();
}

tools();
draw();
setInterval(() => {
  tick();
  if (link.word === "lost") refresh();
  if (!document.hidden) past.update();
}, 1000);
await whoami();
start(refresh);
past.load();
