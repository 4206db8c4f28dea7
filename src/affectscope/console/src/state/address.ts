/** Reading and writing addresses after `#`. */

export type Parameters = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Address {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export function parseAddress(hash: string): Address {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = mark < 0 ? "" : text.slice(mark + 1);
  return {
    path: `/${path.replace(/^\/+|\/+$/g, "")}`,
    parameters: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Return `#/path?a=1`; what is undefined, null or "" is left out. */
export function addressOf(path: string, parameters: Parameters): string {
  const query = queryOf(parameters);
  return `#${path}${query && `?${query}`}`;
}

/** Return `a=1&b=2`, without what is undefined, null or "". */
export function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  return query.toString();
}
