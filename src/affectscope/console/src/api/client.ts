/** Requests to the observatory that serves this page. */

import { queryOf, type Parameters } from "../state/address";
import { Problem, problemOf } from "./problem";
import { session } from "./session.svelte";

const TIMEOUT_SECONDS = 30;

/** Where the observatory is: the folder that this page came from. */
const BASE = new URL(".", document.baseURI);

/**
 * Ask with GET.
 *
 * @param path Such as `api/traces`, without a slash at the beginning.
 * @throws {Problem} There is no answer, or one of 400 and above.
 */
export function get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> {
  const query = queryOf(parameters);
  return send<T>("GET", query ? `${path}?${query}` : path, undefined, signal);
}

/** Send a JSON document with POST; otherwise as `get`. */
export function post<T>(path: string, document: unknown): Promise<T> {
  return send<T>("POST", path, document);
}

/** Delete; otherwise as `get`. */
export function remove(path: string): Promise<void> {
  return send<void>("DELETE", path);
}

let underWay = 0;

/** Tell whether an answer is awaited. */
export function isAsking(): boolean {
  return underWay > 0;
}

async function send<T>(
  method: string,
  address: string,
  document?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (session.token) headers.Authorization = `Bearer ${session.token}`;
  if (document !== undefined) headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
  let response: Response;
  let text: string;
  underWay += 1;
  try {
    response = await fetch(new URL(address, BASE), {
      method,
      headers,
      body: document === undefined ? null : JSON.stringify(document),
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    const detail = timeout.aborted
      ? `It did not within ${TIMEOUT_SECONDS} seconds.`
      : "It may have been stopped; this page goes on asking.";
    throw new Problem(0, "The observatory does not answer", detail);
  } finally {
    underWay -= 1;
  }
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch {
    throw new Problem(response.status, "The answer cannot be read", `It is no JSON (${address}).`);
  }
  if (!response.ok) {
    if (response.status === 403 || response.status === 401) session.refused = true;
    throw problemOf(response.status, body);
  }
  session.refused = false;
  return body as T;
}
