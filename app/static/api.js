// Asking the service: addresses below the prefix it is mounted under, JSON, and its errors.

const base = document.body.dataset.base;

// As long as a page is open, its viewer stays logged in to OMERO, which ends idle sessions.
const PING_MS = 60000;
if ("ping" in document.body.dataset) {
  setInterval(() => fetch(`${base}/webclient/keepalive_ping/`).catch(() => {}), PING_MS);
}

export class ServiceError extends Error {
  constructor(message, status, retryAfterMs) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export function address(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return base + path + (text ? `?${text}` : "");
}

export async function request(path, query, signal, options = {}) {
  let answer;
  try {
    answer = await fetch(address(path, query), { signal, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The server cannot be reached.", 0, 2000);
  }
  // The session has ended: the page itself then leads to where people log in.
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}

export async function getJson(path, query, signal) {
  return (await request(path, query, signal)).json();
}

// Has the service change something. The token shows that this page sends it, and no other site.
export async function post(path, query) {
  const token = /(?:^|;\s*)csrftoken=([^;]*)/.exec(document.cookie)?.[1];
  const headers = token ? { "X-CSRFToken": token } : {};
  return (await request(path, query, undefined, { method: "POST", headers })).json();
}

async function errorOf(answer) {
  const seconds = Number(answer.headers.get("Retry-After"));
  const body = await answer.json().catch(() => ({}));
  const message = body.detail || body.message || body.title || `The server answered ${answer.status}.`;
  const busy = answer.status === 503;
  return new ServiceError(message, answer.status, busy ? (seconds || 2) * 1000 : null);
}

// Runs at most `width` jobs at a time, in the order in which they were added.
export class Lane {
  constructor(width) {
    this.free = width;
    this.waiting = [];
  }

  async run(job) {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

// Calls `action` soon, and at most once in `waitMs` while it keeps being asked for.
export function throttled(action, waitMs) {
  let timer = null;
  let last = -Infinity;
  return () => {
    if (timer !== null) return;
    const now = performance.now();
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      action();
    }, Math.max(0, last + waitMs - now));
  };
}

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// What the service says begins in lower case, to stand after a colon.
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
