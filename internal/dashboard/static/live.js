// How news comes in: by events while the page is looked at, by asking each second where events are not to be had. A hidden tab
// holds no connection, since a browser grants a site six of them; a laptop that wakes connects anew.

import { get, headers, may, refusal, sync, Refused } from "./api.js";
import { t } from "./text.js";
import { state, takeState, takeRequests, forget } from "./state.js";

const SILENCE = 40000; // without a byte the connection counts as dead
const ASLEEP = 8000; // a tick that is later by that much: the machine was asleep

let changed = () => {};
let running = null;
let failures = 0;
export const link = { word: "connecting", retryAt: 0 };

function say(word, retryAt = 0) {
  if (link.word === word && link.retryAt === retryAt) return;
  link.word = word;
  link.retryAt = retryAt;
  changed();
}

export function start(onChange) {
  changed = onChange;
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : restart()));
  window.addEventListener("online", restart);
  window.addEventListener("pageshow", (e) => e.persisted && restart());
  window.addEventListener("pagehide", pause);
  let last = Date.now();
  setInterval(() => {
    const late = Date.now() - last;
    last = Date.now();
    if (late > ASLEEP && !document.hidden) restart();
  }, 2000);
  restart();
}

function pause() {
  running?.abort();
  running = null;
}

export function restart() {
  pause();
  if (document.hidden) return;
  failures = 0;
  running = new AbortController();
  loop(running.signal);
}

async function loop(signal) {
  while (!signal.aborted) {
    try {
      if (!may.see()) {
        deny(t("deniedHelp"));
        return;
      }
      if (!may.read()) {
        await poll(signal);
        continue;
      }
      await lookAtState();
      await listen(signal);
    } catch (e) {
      if (signal.aborted) return;
      if (e instanceof Refused && (e.status === 401 || e.status === 403)) {
        deny(e.message);
        return;
      }
      if (e instanceof Refused && (e.status === 404 || e.status === 405 || e.status === 429)) {
        await poll(signal);
        continue;
      }
    }
    if (signal.aborted) return;
    failures++;
    const wait = Math.min(8000, 400 * 2 ** Math.min(failures, 5)) * (0.75 + Math.random() / 2);
    say("lost", Date.now() + wait);
    await sleep(wait, signal);
  }
}

function deny(why) {
  forget();
  state.denied = why;
  say("denied");
  changed();
}

async function lookAtState() {
  takeState(await get("/api/chat/models"));
  state.told = may.read();
  changed();
}

async function lookAtRequests() {
  takeRequests((await get("/api/chat/requests?limit=200")).requests || []);
  changed();
}

async function poll(signal) {
  for (let since = Date.now(); !signal.aborted && Date.now() - since < 30000; await sleep(1000, signal)) {
    await lookAtState();
    if (state.told) await lookAtRequests();
    failures = 0;
    say("polling");
  }
}

async function listen(signal) {
  const silence = new AbortController();
  const either = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE);
  try {
    const response = await fetch("/api/events", { headers: headers({ Accept: "text/event-stream" }), cache: "no-store", signal: either });
    if (!response.ok) throw await refusal(response);
    sync(response);
    await lookAtRequests(); // now that none can be missed: those that end meanwhile wait in the stream
    failures = 0;
    say("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const feed = parser(hear);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
      feed(value);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** parser cuts a stream of text into events; they may be cut anywhere. */
export function parser(emit) {
  let rest = "", name = "", data = [];
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) emit(name || "message", data.join("\n"));
        name = "";
        data = [];
      } else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    }
  };
}

function hear(name, data) {
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return; // one event less; the next one tells all the same
  }
  if (name === "request") takeRequests([value]);
  else if (name === "models") takeState(value);
  changed();
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
