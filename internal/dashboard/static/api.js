// Talking to freefall. A key that was typed in stays in this tab; the admin's session is a cookie that no script can read.

const KEY = "freefall.key";

export const session = { admin: false, login: false, variable: "", known: false };

/** may says what this viewer will be told, so that nobody is asked in vain: a browser's console calls each refusal an error. */
export const may = {
  see: () => !session.known || !session.client_key || Boolean(session.client) || (session.login && session.admin),
  read: () => !session.known || Boolean(session.client) || (session.login ? session.admin : !session.client_key),
  watch: () => !session.known || (session.login ? session.admin : !session.client_key || Boolean(session.client)),
};

let key = "";
try {
  key = sessionStorage.getItem(KEY) || "";
} catch { /* storage is switched off: the key lasts as long as the page */ }

export function clientKey() {
  return key;
}

export function setClientKey(value) {
  key = value.trim();
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch { /* as above */ }
}

/** headers of a request: the client's key, but not where the admin's cookie says more. */
export function headers(extra, asClient) {
  const out = new Headers(extra);
  if (key && (asClient || !session.signed_in)) out.set("Authorization", "Bearer " + key);
  return out;
}

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** refusal makes an error of an answer that is not 2xx. */
export async function refusal(response) {
  let error = {};
  try {
    error = (await response.json()).error || {};
  } catch { /* not freefall's own words */ }
  return new Refused(response.status, error.code || "", error.message || "HTTP " + response.status);
}

const BOUND = 15000;

async function ask(path, init) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(BOUND), ...init });
  if (!response.ok) throw await refusal(response);
  return response;
}

export async function get(path) {
  const response = await ask(path, { headers: headers() });
  sync(response);
  return response.json();
}

export async function post(path, body, asClient) {
  const response = await ask(path, {
    method: "POST",
    headers: headers({ "Content-Type": "application/json" }, asClient),
    body: body === undefined ? "{}" : JSON.stringify(body),
  });
  return response.status === 204 ? null : response.json();
}

// Countdowns run by freefall's clock: a laptop may be minutes off.
let skew = 0;

export function sync(response) {
  const at = Date.parse(response.headers.get("Date") || "");
  if (Number.isNaN(at)) return;
  const off = at - Date.now();
  skew = Math.abs(off) > 2500 ? off : 0; // the header has whole seconds, and was under way
}

export function now() {
  return Date.now() + skew;
}
