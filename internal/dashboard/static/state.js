// What is known, and nothing of how it looks.

export const FEED = 200; // requests that are shown
const SWITCHES = 40;

export const state = {
  models: [], // in the order of the next request
  first: null, // the first one of the configuration
  current: null,
  left: null,
  accounts: null, // null: not for this viewer
  keys: [], // likewise none
  clients: null,
  spent: [],
  waiting: 0,
  refused: null,
  loaded: false,
  requests: [], // newest first
  switches: [], // newest first
  denied: "", // why nothing is told
  told: true, // requests are
};

let raw = { models: [] };

/** takeState takes GET /api/chat/models, or what an event says has changed since: rows that are not told stay as they were, and
 * so do fields; a field that is null is not there any more. */
export function takeState(news) {
  if (!news || !Array.isArray(news.models)) return;
  if (news.partial) {
    const changed = new Map(news.models.map((m) => [rowKey(m), m]));
    raw = { ...raw, ...news, models: raw.models.map((m) => changed.get(rowKey(m)) || m) };
  } else raw = news;
  const { models } = raw;
  state.first = models[0] || null;
  state.current = models.find((m) => m.is_current) || null;
  state.models = models.slice().sort((a, b) => (a.position || 1e9) - (b.position || 1e9));
  state.left = raw.left_today || null;
  state.accounts = raw.accounts || null;
  state.keys = raw.keys || [];
  state.clients = raw.clients || null;
  state.spent = raw.spent_today || [];
  state.waiting = raw.waiting || 0;
  state.refused = raw.config_error || null;
  state.loaded = true;
  state.denied = "";
}

export const rowKey = (m) => m.provider + " " + m.id;

/** takeRequests adds requests, in any order; ids that are known are passed over. */
export function takeRequests(list) {
  const known = new Set(state.requests.map(keyOf));
  const fresh = [];
  for (const r of list) {
    if (!known.has(keyOf(r))) {
      known.add(keyOf(r));
      fresh.push(r);
    }
  }
  if (!fresh.length) return;
  state.requests = fresh.concat(state.requests).sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, FEED);
  const moves = fresh.flatMap(switchesOf);
  if (moves.length) state.switches = moves.concat(state.switches).sort((a, b) => b.at - a.at).slice(0, SWITCHES);
}

/** forget lets go of what another viewer may not see. */
export function forget() {
  raw = { models: [] };
  Object.assign(state, { models: [], first: null, current: null, left: null, accounts: null, keys: [], clients: null, spent: [], waiting: 0, refused: null,
    loaded: false, requests: [], switches: [] });
}

// A client may choose its request ids, so one alone names no request.
export function keyOf(r) {
  return r.id + " " + r.time;
}

// A switch is an attempt that failed and was followed by one at another model.
function switchesOf(r) {
  const out = [];
  const tries = r.attempts || [];
  for (let i = 0; i + 1 < tries.length; i++) {
    const a = tries[i], b = tries[i + 1];
    if (a.model === b.model || a.outcome === "ok" || a.outcome === "hedge_lost") continue;
    out.push({ key: keyOf(r) + " " + i, at: Date.parse(r.time) + b.started_ms, from: a.model, to: b.model, why: a.outcome, until: a.until, request: r });
  }
  return out;
}

/** nameOf is what people call the model of that id. */
export function nameOf(id) {
  const m = state.models.find((m) => m.id === id);
  return m && m.name ? m.name : id || "";
}

const OFF = new Set(["gone", "no_key", "not_free", "limit_zero", "kind"]);

/** isOff says whether a model takes no part, so that it does not stand in the way of those that do. */
export function isOff(m) {
  return !m.is_available && OFF.has(m.reason);
}

/** kindOf is the state of a model in one of a few kinds, each with its colour and icon. */
export function kindOf(m) {
  if (m.reason === "paused") return "paused";
  if (isOff(m)) return "off";
  if (m.reason === "trial") return "trial";
  if (m.is_available) return "ok";
  if (["rate_limited", "quota_exhausted", "concurrency", "paced", "spent"].includes(m.reason)) return "limit";
  return "fault";
}
