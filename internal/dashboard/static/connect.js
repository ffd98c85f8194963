// How to point a program here: the address, and what each kind of program is told. No key is ever written in it.

import { el, text, show, attr, copyButton } from "./dom.js";
import { session } from "./api.js";
import { t } from "./text.js";
import { toast } from "./toast.js";
import { baseURL } from "./try.js";

const programs = [
  { name: "curl", say: (url, key) => `curl ${url}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -d '{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}'` },
  { name: "Python", say: (url, key) => `from openai import OpenAI

client = OpenAI(base_url="${url}", api_key="${key}")
answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}])
print(answer.choices[0].message.content)` },
  { name: "Node", say: (url, key) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${url}", apiKey: "${key}" });
const answer = await client.chat.completions.create({ model: "auto", messages: [{ role: "user", content: "Hello" }] });
console.log(answer.choices[0].message.content);` },
  { name: "LangChain", say: (url, key) => `from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="${url}", api_key="${key}", model="auto")
print(model.invoke("Hello").content)` },
  { name: "n8n", say: (url, key) => `Credentials > OpenAI
  API Key    ${key}
  Base URL   ${url}

OpenAI Chat Model > Model > By ID
  auto` },
  { name: "opencode", say: (url, key) => `{
  "provider": {
    "freefall": {
      "npm": "@ai-sdk/openai-compatible",
      "options": { "baseURL": "${url}", "apiKey": "${key}" },
      "models": { "auto": { "name": "freefall" } }
    }
  },
  "model": "freefall/auto"
}` },
  { name: "Claude Code", say: (url, key) => `export ANTHROPIC_BASE_URL=${url.replace(/\/v1$/, "")}
export ANTHROPIC_AUTH_TOKEN=${key}
claude # asks ${url}/messages` },
  { name: "Codex", say: (url, key) => `# ~/.codex/config.toml; then: FREEFALL_KEY=${key} codex
model = "auto"
model_provider = "freefall"

[model_providers.freefall]
name = "freefall"
base_url = "${url}"
env_key = "FREEFALL_KEY"
wire_api = "responses"` },
  { name: "Aider", say: (url, key) => `export OPENAI_API_BASE=${url}
export OPENAI_API_KEY=${key}
aider --model openai/auto` },
  { name: "Cline, Roo Code", say: (url, key) => `API Provider   OpenAI Compatible
Base URL       ${url}
API Key        ${key}
Model ID       auto` },
  { name: "env", say: (url, key) => `export OPENAI_BASE_URL=${url}
export OPENAI_API_KEY=${key}` },
];

export function connect(root) {
  let chosen = 0, key = "";
  const code = el("code");
  const said = () => programs[chosen].say(baseURL(), key);
  const done = () => toast(t("copied"));
  const tabs = programs.map((p, i) => el("button.ghost.tab", { type: "button", role: "tab", id: "connect-" + i, "aria-controls": "connect-code", click: () => choose(i) }, p.name));
  const list = el("div.tabs", { role: "tablist", "aria-labelledby": "connect-title", keydown: move }, ...tabs);
  const panel = el("div.snippet", { id: "connect-code", role: "tabpanel" }, el("pre", { tabindex: "0" }, code), copyButton(said, t("copyCode"), done));
  const keyHelp = el("p.muted");
  root.append(el("div.head", null, el("h2", { id: "connect-title" }, t("connect")), el("span.muted", null, t("connectHelp"))),
    el("p.base", null, el("span.muted", null, t("baseURL")), " ", el("code", null, baseURL()), copyButton(baseURL, t("copyURL"), done)), list, panel, keyHelp);

  function choose(i) {
    chosen = i;
    draw();
  }

  // As tabs are used: arrows go round, Home and End to the ends.
  function move(e) {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    choose((to + tabs.length) % tabs.length);
    tabs[chosen].focus();
  }

  function draw() {
    tabs.forEach((tab, i) => {
      attr(tab, "aria-selected", String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    });
    attr(panel, "aria-labelledby", "connect-" + chosen);
    text(code, said());
    show(keyHelp, session.known);
    text(keyHelp, t(session.client_key ? "connectKey" : "connectNoKey"));
  }

  return () => {
    key = session.client_key ? "YOUR_CLIENT_KEY" : "any";
    draw();
  };
}
