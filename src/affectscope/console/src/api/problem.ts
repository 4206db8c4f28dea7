/** What went wrong with a request, in plain words. */

export class Problem extends Error {
  override readonly name = "Problem";

  /**
   * @param status Of HTTP; 0 where there was no answer.
   * @param title One line.
   * @param detail More, or "".
   */
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail = "",
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

/** Return the problem that an answer describes: RFC 9457, or Prometheus' own form. */
export function problemOf(status: number, body: unknown): Problem {
  const found = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  if (typeof found.error === "string") {
    return new Problem(status, "The query cannot be answered", found.error);
  }
  const title = typeof found.title === "string" ? found.title : `The observatory answered ${status}`;
  return new Problem(status, title, typeof found.detail === "string" ? found.detail : "");
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "Something in this page went wrong", String(error));
}
