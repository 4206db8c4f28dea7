import { describe, expect, it } from "vitest";

import type { LogLine } from "../api/logs";
import { bins, brief } from "./lines";

function line(time: number, more: Partial<LogLine> = {}): LogLine {
  const base = { id: String(time), service: "chat", level: "info", event: "request" } as const;
  return { ...base, time, trace_id: null, span_id: null, fields: {}, ...more };
}

describe("brief", () => {
  it("tells a request by its route, outcome and length", () => {
    const fields = { method: "POST", endpoint: "/analyze-chat", status: 422, error_type: "missing-field", seconds: 0.0125 };

    expect(brief(line(1, { fields }))).toBe("POST /analyze-chat 422 missing-field · 12.5 ms");
  });

  it("names the other fields, without what is nested", () => {
    const fields = { lag_seconds: 0.8, stack: ["a", "b"], path: "x" };

    expect(brief(line(1, { fields }))).toBe("lag_seconds=0.8 · path=x");
  });

  it("cuts what is long", () => {
    expect(brief(line(1, { fields: { text: "x".repeat(1000) } })).length).toBeLessThan(200);
  });
});

describe("bins", () => {
  it("counts lines by time and level, those at the edges too", () => {
    const lines = [line(0), line(4.9, { level: "error" }), line(5), line(10), line(11)];
    const found = bins(lines, { start: 0, end: 10 }, 2);

    expect(found.map((bin) => bin.total)).toEqual([2, 3]);
    expect(found[0]!.counts).toEqual({ debug: 0, info: 1, warning: 0, error: 1 });
    expect(found[1]).toMatchObject({ start: 5, end: 10 });
  });

  it("has nothing to count in an empty span", () => {
    expect(bins([line(1)], { start: 5, end: 5 }, 2).map((bin) => bin.total)).toEqual([0, 0]);
  });
});
