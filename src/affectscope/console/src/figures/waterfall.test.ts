import { describe, expect, it } from "vitest";

import type { Span, Trace } from "../api/traces";
import { marks, parentIndex, rowsOf, visibleRows } from "./waterfall";

function span(id: string, parent: string | null, start: number, seconds: number, stage?: string): Span {
  return {
    span_id: id,
    parent_id: parent,
    service: "chat",
    name: id,
    kind: "internal",
    start,
    seconds,
    error: false,
    status_message: "",
    attributes: stage === undefined ? {} : { "affectscope.stage": stage, "affectscope.stage.seconds": seconds / 4 },
    events: [],
  };
}

function trace(...spans: Span[]): Trace {
  return { trace_id: "1", start: 100, seconds: 10, spans, logs: [], profiles: [] };
}

const TREE = trace(
  span("top", null, 100, 10),
  span("a", "top", 101, 4),
  span("b", "top", 106, 4, "infer"),
  span("a1", "a", 102, 1),
  span("lost", "nobody", 103, 1),
);

describe("rowsOf", () => {
  it("nests each span under its parent, by beginning, and what has no known parent at the top", () => {
    const rows = rowsOf(TREE).map((row) => [row.span.span_id, row.depth, row.below]);

    expect(rows).toEqual([["top", 0, 3], ["a", 1, 1], ["a1", 2, 0], ["b", 1, 0], ["lost", 0, 0]]);
  });

  it("places bars as shares of the whole trace", () => {
    const b = rowsOf(TREE)[3]!;

    expect(b.left).toBeCloseTo(0.6);
    expect(b.width).toBeCloseTo(0.4);
  });

  it("tells how much of its bar a stage was at work", () => {
    const rows = rowsOf(TREE);

    expect(rows[3]).toMatchObject({ stage: "infer", busy: 0.25 });
    expect(rows[0]).toMatchObject({ stage: null, busy: 1 });
  });

  it("shows spans that are their own ancestors once", () => {
    const rows = rowsOf(trace(span("x", "y", 100, 1), span("y", "x", 100, 1)));

    expect(rows.map((row) => row.span.span_id).sort()).toEqual(["x", "y"]);
  });
});

describe("visibleRows", () => {
  it("hides what is below a closed span", () => {
    const seen = visibleRows(rowsOf(TREE), new Set(["a"]));

    expect(seen.map((row) => row.span.span_id)).toEqual(["top", "a", "b", "lost"]);
  });
});

describe("parentIndex", () => {
  it("finds the row above in the tree", () => {
    const rows = rowsOf(TREE);

    expect([2, 3, 0].map((index) => parentIndex(rows, index))).toEqual([1, 0, -1]);
  });
});

describe("marks", () => {
  it.each([
    [10, [0, 5]],
    [0.8, [0, 0.2, 0.4, 0.6]],
    [0, [0]],
  ])("of %d seconds are round", (seconds, expected) => {
    const found = marks(seconds);

    expect(found.map((mark) => Number(mark.toFixed(9)))).toEqual(expected);
  });
});
