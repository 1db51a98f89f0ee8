// Requests to the API of the service. Errors are problem details (RFC 9457).

const KEY_ITEM = "nowcast-key";

/**
 * A failed request; status 0 if the service does not answer, and `step` what it prepares if it is
 * starting.
 */
export class Problem extends Error {
  constructor(status, title, detail, step = null) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.step = step;
  }
}

/**
 * GET a path and decode the body.
 *
 * @param {string} path - Path and query, relative to the page.
 * @param {"json" | "arrayBuffer"} format - How the body is decoded.
 * @throws {Problem} If the service does not answer, or answers with an error.
 */
export async function request(path, format = "json") {
  return (await answer(path))[format]();
}

/**
 * Send a request that changes something, and decode the body of the answer.
 *
 * @param {"POST" | "DELETE"} method
 * @param {string} path - Path and query, relative to the page.
 * @param {object} document - What is sent, if anything.
 * @returns {Promise<object | null>} null where the answer has no body.
 * @throws {Problem} If the service does not answer, or answers with an error.
 */
export async function send(method, path, document) {
  const json = { body: JSON.stringify(document), headers: { "Content-Type": "application/json" } };
  const response = await answer(path, { method, ...(document && json) });
  return response.status === 204 ? null : response.json();
}

async function answer(path, options = {}) {
  const key = sessionStorage.getItem(KEY_ITEM);
  const headers = { Prefer: "wait=0", ...options.headers, ...(key && { "X-API-Key": key }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Problem(0, "", "");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const title = problem.title || response.statusText;
  throw new Problem(response.status, title, problem.detail || "", problem.step);
}

/** Send an API key with all further requests, until the tab is closed. */
export function setApiKey(key) {
  sessionStorage.setItem(KEY_ITEM, key);
}
