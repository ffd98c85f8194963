// Countdowns: one tick a second for all of them.

import { now } from "./api.js";
import { clock, countdown, span, t } from "./text.js";
import { text } from "./dom.js";

const FAR = 90 * 60e3; // beyond that people think in times of day

const running = new Map(); // node -> {at, word, back}

/** until makes node count down to a moment; null stops it. back: count up instead, from a moment that is over. */
export function until(node, at, word, back) {
  if (!at) {
    running.delete(node);
    return;
  }
  running.set(node, { at: typeof at === "string" ? Date.parse(at) : at, word, back });
  draw(node, running.get(node));
}

function draw(node, { at, word, back }) {
  const left = at - now();
  if (back) text(node, t(word, { when: left > -5000 ? t("justNow") : t("ago", { t: span(Math.floor(-left / 1000) * 1000) }) }));
  else if (word === null) text(node, countdown(left));
  else if (left > FAR) text(node, t(word + "At", { time: clock(at) }));
  else text(node, left > 0 ? t(word, { left: countdown(left) }) : t(word + "Now"));
}

export function tick() {
  for (const [node, c] of running) {
    if (node.isConnected) draw(node, c);
    else if (c.gone) running.delete(node); // made, but taken from the page since the last tick
    else c.gone = true;
  }
}
