// Making and changing nodes. Whatever text enters the page comes through here, as a text node.

const SVG = "http://www.w3.org/2000/svg";

/** el makes an element: el("p.muted", {id: "x"}, "text", child). Properties that are functions listen to events. */
export function el(name, props, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  set(node, props);
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function set(node, props) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
}

/** text changes a node's text if it is another one: what does not change is not painted again. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function show(node, yes) {
  if (node.hidden === yes) node.hidden = !yes;
}

export function attr(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * keyed keeps one child of parent for each item, in their order: those that stay are changed, not made anew, so that focus,
 * selection and scrolling survive. make gives {node, update}.
 */
export function keyed(parent, make) {
  const kept = new Map();
  return (items, keyOf) => {
    const seen = new Set();
    let at = parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      if (seen.has(key)) continue;
      seen.add(key);
      let part = kept.get(key);
      if (!part) {
        part = make(item);
        kept.set(key, part);
      }
      part.update(item);
      if (part.node === at) at = at.nextSibling;
      else parent.insertBefore(part.node, at);
    }
    for (const [key, part] of kept) {
      if (!seen.has(key)) {
        part.node.remove();
        kept.delete(key);
      }
    }
  };
}

const icons = {
  ok: "M20 6 9 17l-5-5",
  wait: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  bad: "M12 8v5m0 3.5v.01M12 3 2.5 20h19z",
  pause: "M9 6v12m6-12v12",
  play: "M8 5v14l11-7z",
  reset: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4",
  off: "M5.6 5.6l12.8 12.8M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  trial: "M9 3h6m-5 0v6l-5 9a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3",
  next: "M5 12h14m-6-6 6 6-6 6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.4m11.2 11.2L19 19M19 5l-1.4 1.4M6.4 17.6 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0v18",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  tool: "M14.5 6.5a4 4 0 0 0-5.3 5L3.5 17a2 2 0 0 0 3 3l5.6-5.7a4 4 0 0 0 5-5.3l-2.4 2.4-2.2-.4-.4-2.2z",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", width: "16", height: "16", class: "icon", "aria-hidden": "true" }, svg("path", { d: icons[name] }));
}

/** swapIcon changes the drawing of an icon that icon() made. */
export function swapIcon(node, name) {
  attr(node.firstChild, "d", icons[name]);
}

export function copyButton(value, label, done) {
  const button = el("button.ghost.small", { type: "button", "aria-label": label, title: label }, icon("copy"));
  button.addEventListener("click", async () => {
    if (await copy(value())) {
      swapIcon(button.firstChild, "ok");
      done();
      setTimeout(() => swapIcon(button.firstChild, "copy"), 1500);
    }
  });
  return button;
}

// Without TLS a browser gives pages of other machines no clipboard; a selection that is copied works everywhere.
async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const area = el("textarea.hidden", { "aria-hidden": "true" });
    area.value = value;
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    const ok = document.execCommand("copy");
    area.remove();
    return ok;
  }
}
