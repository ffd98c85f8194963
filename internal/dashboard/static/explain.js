// What a request would meet, without asking a provider.

import { el, show, icon } from "./dom.js";
import { post } from "./api.js";
import { state, nameOf } from "./state.js";
import { t, said } from "./text.js";
import { until } from "./clocks.js";

const TOOL = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
const PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export function explain(root) {
  const question = el("textarea", { id: "explain-text", rows: "2", spellcheck: "false" });
  question.value = t("hello");
  const model = el("input", { id: "explain-model", type: "text", value: "auto", spellcheck: "false", autocapitalize: "off", list: "model-names" });
  const box = (word) => {
    const input = el("input", { type: "checkbox" });
    return [input, el("label.check", null, input, t(word))];
  };
  const [tools, toolsLabel] = box("needTools"), [vision, visionLabel] = box("needVision"), [schema, schemaLabel] = box("needSchema");
  const verdict = el("p.verdict", { role: "status" });
  const why = el("ul.reasons");
  const list = el("ol.candidates");
  const form = el("form", { submit: (e) => {
    e.preventDefault();
    run();
  } },
  el("div.field", null, el("label", { for: "explain-text" }, t("question")), question),
  el("div.row", null, el("div.field", null, el("label", { for: "explain-model" }, t("askedModel")), model), el("div.checks", null, toolsLabel, visionLabel, schemaLabel),
    el("button", { type: "submit" }, t("explainGo"))));
  root.append(el("div.head", null, el("h2", { id: "explain-title" }, t("explain")), el("span.muted", null, t("explainHelp"))), form, verdict, why, list);
  show(verdict, false);

  async function run() {
    const content = vision.checked ? [{ type: "text", text: question.value }, { type: "image_url", image_url: { url: PIXEL } }] : question.value;
    const body = { model: model.value, messages: [{ role: "user", content }] };
    if (tools.checked) body.tools = [TOOL];
    if (schema.checked) body.response_format = { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } };
    show(verdict, true);
    try {
      const found = await post("/api/chat/explain", body);
      verdict.replaceChildren(icon(found.first ? "ok" : "bad"), el("strong", null, found.first ? t("firstIs", { model: nameOf(found.first) }) : t("nobodyFits")));
      verdict.dataset.kind = found.first ? "ok" : "fault";
      why.replaceChildren(...(found.decisions || []).map((d) => el("li", null, d)));
      list.replaceChildren(...found.candidates.map((c) => candidate(c)));
    } catch (e) {
      verdict.replaceChildren(icon("bad"), e.message);
      verdict.dataset.kind = "fault";
      why.replaceChildren();
      list.replaceChildren();
    }
  }
}

function candidate(c) {
  const back = el("span.count.inline");
  if (c.available_at) until(back, c.available_at, "until");
  const detail = c.skipped && c.detail ? el("span.muted.clamp", null, c.detail) : "";
  return el("li", { "data-kind": c.skipped ? "off" : "ok" }, icon(c.skipped ? "wait" : "ok"), el("strong", null, nameOf(c.id)),
    el("span", null, c.skipped ? said("r_", c.reason) : t("wouldBe")), back, detail);
}

/** names fills the list of what may be asked for. */
export function names() {
  const list = el("datalist", { id: "model-names" });
  document.body.append(list);
  let was = "";
  return () => {
    const ids = ["auto", ...new Set(state.models.map((m) => m.id).sort())];
    if (ids.join() === was) return;
    was = ids.join();
    list.replaceChildren(...ids.map((id) => el("option", { value: id })));
  };
}
