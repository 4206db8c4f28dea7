import { describe, expect, it } from "vitest";

import { asProblem, Problem, problemOf } from "./problem";

describe("what went wrong", () => {
  it("is told by a problem document", () => {
    const problem = problemOf(422, { type: "urn:x", title: "Invalid value", detail: "end is 1" });

    expect([problem.status, problem.title, problem.detail]).toEqual([422, "Invalid value", "end is 1"]);
  });

  it("is told by Prometheus' form", () => {
    const problem = problemOf(400, { status: "error", errorType: "bad_data", error: "no query" });

    expect(problem.detail).toBe("no query");
  });

  it("is the status where the answer says nothing", () => {
    for (const body of [undefined, null, "oops", [], {}]) {
      expect(problemOf(502, body).title).toBe("The observatory answered 502");
    }
  });

  it("stays as it is, and other errors become problems of this page", () => {
    const problem = new Problem(403, "Not permitted");

    expect(asProblem(problem)).toBe(problem);
    expect(asProblem(new TypeError("x is undefined")).detail).toContain("x is undefined");
  });
});
