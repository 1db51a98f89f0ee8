// Asking the service, and its errors as problems (RFC 9457).

const KEY = "nowcast-key";

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

/** The answer to GET, read as "json" or "arrayBuffer". Throws a Problem: status 0 for no answer. */
export async function ask(path, as = "json") {
  const key = sessionStorage.getItem(KEY);
  let answer;
  try {
    answer = await fetch(path, key ? { headers: { "X-API-Key": key } } : {});
  } catch {
    throw new Problem(0, "", "");
  }
  if (answer.ok) return answer[as]();
  const said = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, said.title || answer.statusText, said.detail || "");
}

/** Sent with what is asked from now on, until the tab is closed. */
export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}
