// Asking a question as any client would, streamed, and seeing who answered.

import { el, text, show, attr } from "./dom.js";
import { headers, refusal, session, clientKey, setClientKey } from "./api.js";
import { nameOf } from "./state.js";
import { parser } from "./live.js";
import { t, counted, span } from "./text.js";

const BOUND = 150000; // longer than freefall itself takes to give up
const MOST = 200000; // characters of an answer that are shown

export const baseURL = () => location.origin + "/v1";

export function tryIt(root) {
  let running = null;
  const question = el("textarea", { id: "try-text", rows: "2" });
  question.value = t("hello");
  const model = el("input", { id: "try-model", type: "text", value: "auto", spellcheck: "false", autocapitalize: "off", list: "model-names" });
  const keyLabel = el("label", { for: "try-key" });
  const key = el("input", { id: "try-key", type: "password", autocomplete: "off", spellcheck: "false", value: clientKey(), change: () => setClientKey(key.value) });
  const keyField = el("div.field", null, keyLabel, key, el("p.muted", null, t("keyKept")));
  const go = el("button", { type: "submit" }, t("send"));
  const out = el("pre.answer", { tabindex: "0", role: "region", "aria-label": t("answer"), hidden: true });
  const served = el("p.verdict", { role: "status", hidden: true });
  const form = el("form", { submit: (e) => {
    e.preventDefault();
    if (running) running.abort();
    else run();
  } },
  el("div.field", null, el("label", { for: "try-text" }, t("question")), question),
  el("div.row", null, el("div.field", null, el("label", { for: "try-model" }, t("askedModel")), model), keyField, go));
  root.append(el("div.head", null, el("h2", { id: "try-title" }, t("try")), el("span.muted", null, t("tryHelp"))),
    form, served, out);

  async function run() {
    running = new AbortController();
    setClientKey(key.value);
    text(go, t("stop"));
    text(out, "");
    show(out, true);
    show(served, false);
    const begun = performance.now();
    let first = 0, written = "", problem = "";
    const node = out.appendChild(document.createTextNode(""));
    try {
      const response = await fetch("/v1/chat/completions", {
        method: "POST", headers: headers({ "Content-Type": "application/json" }, true), cache: "no-store",
        signal: AbortSignal.any([running.signal, AbortSignal.timeout(BOUND)]),
        body: JSON.stringify({ model: model.value, stream: true, messages: [{ role: "user", content: question.value }] }),
      });
      if (!response.ok) throw await refusal(response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const take = parser((_, data) => {
        if (data === "[DONE]") return;
        let event;
        try {
          event = JSON.parse(data);
        } catch {
          return;
        }
        if (event.error) problem = String(event.error.message || event.error.code || "");
        const delta = event.choices?.[0]?.delta || {};
        const more = delta.content || "";
        if (more && !first) first = performance.now();
        if (written.length < MOST) written += more;
      });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        take(value);
        node.data = written;
      }
      const attempts = Number(response.headers.get("X-Freefall-Attempts") || 1);
      tell(t("servedBy", { model: nameOf(response.headers.get("X-Freefall-Model")), t: span(performance.now() - begun), n: counted("attempts", attempts) }) +
        (first ? " · " + t("firstAfter", { t: span(first - begun) }) : ""), !problem && written !== "", problem || (written ? "" : t("noAnswer")));
    } catch (e) {
      if (!running?.signal.aborted) tell(e.message, false, "");
    } finally {
      running = null;
      text(go, t("send"));
      show(out, written !== "");
    }
  }

  function tell(words, good, problem) {
    served.replaceChildren(words, problem ? el("span.problem", null, " " + problem) : "");
    served.dataset.kind = good ? "ok" : "fault";
    show(served, true);
  }

  return () => {
    text(keyLabel, session.client_key ? t("yourKey") : t("keyOptional"));
    show(keyField, !session.known || session.client_key || Boolean(key.value));
    attr(key, "placeholder", session.client_key ? "" : null);
  };
}
