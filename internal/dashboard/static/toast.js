// A word at the edge of the page that goes away by itself.

import { el } from "./dom.js";

let box = null;

export function toast(message, bad) {
  if (!box) box = el("div.toasts", { role: "status", "aria-live": "polite" });
  (document.querySelector("dialog[open]") || document.body).append(box);
  while (box.childElementCount > 2) box.firstChild.remove();
  const node = el("p.toast" + (bad ? ".bad" : ""), null, message);
  box.append(node);
  setTimeout(() => node.remove(), bad ? 6000 : 2500);
}
