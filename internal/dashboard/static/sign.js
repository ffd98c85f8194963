// Who is looking: the admin by a cookie, a client by its key, or anybody. What only the admin may do is offered to nobody else.

import { el, text, show, icon } from "./dom.js";
import { session, get, post, clientKey, setClientKey } from "./api.js";
import { t } from "./text.js";
import { toast } from "./toast.js";

let refresh = () => {}, restart = () => {};

export function mayChange() {
  return session.admin;
}

export async function whoami() {
  try {
    Object.assign(session, { known: true }, await get("/api/chat/session"));
  } catch { /* the link tells that freefall is away */ }
}

export function sign(redraw, reconnect) {
  refresh = redraw;
  restart = reconnect;
  const button = document.getElementById("sign");
  button.addEventListener("click", () => (session.signed_in ? leave() : open()));
  return () => {
    show(button, session.login || session.client_key || Boolean(clientKey()));
    text(button, session.signed_in ? t("signOut") : t("signIn"));
  };
}

async function again() {
  await whoami();
  refresh();
  restart();
}

async function leave() {
  try {
    await post("/logout");
  } catch (e) {
    toast(e.message, true);
  }
  await again();
}

export function open() {
  const dialog = document.getElementById("login");
  const problem = el("p.problem", { role: "alert" });
  const field = (id, label, help, value) => {
    const input = el("input", { id, type: "password", autocomplete: "off", spellcheck: "false", value: value || "" });
    return [input, el("div.field", null, el("label", { for: id }, label), input, el("p.muted", null, help))];
  };
  const [admin, adminField] = field("login-admin", t("adminKey"), t("loginHelp"));
  const [client, clientField] = field("login-client", t("useClient"), t("keyKept"), clientKey());
  const form = el("form", { method: "dialog", submit: async (e) => {
    e.preventDefault();
    text(problem, "");
    try {
      if (admin.value) {
        await post("/login", { key: admin.value });
        setClientKey("");
      } else {
        setClientKey(client.value);
        await whoami();
        if (clientKey() && !session.client && !session.admin) {
          text(problem, t("unknownKey"));
          return;
        }
      }
      dialog.close();
      await again();
    } catch (error) {
      text(problem, error.message);
    }
  } },
  el("div.head", null, el("h2", { id: "login-title" }, t("loginTitle")),
    el("button.ghost.small.close", { type: "button", "aria-label": t("close"), click: () => dialog.close() }, icon("close"))),
  session.login && adminField, clientField, problem,
  el("div.buttons", null, el("button", { type: "submit" }, t("loginGo"))));
  dialog.replaceChildren(form);
  dialog.showModal();
}

export async function operate(what, m) {
  try {
    const id = encodeURIComponent(m.id).replaceAll("%2F", "/").replaceAll("%3A", ":");
    await post("/api/chat/models/" + id + "/" + what + "?provider=" + encodeURIComponent(m.provider));
    toast(t("done_" + what, { model: m.name }));
  } catch (e) {
    toast(e.message, true);
    if (e.status === 401 || e.status === 403) whoami().then(refresh);
  }
}
