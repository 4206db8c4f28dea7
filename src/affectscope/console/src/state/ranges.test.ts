import { describe, expect, it } from "vitest";

import { fixedSpan, presetOf, PRESETS, rangeParameters, stepOf, widened, windowOf } from "./ranges";

const NOW = 1_760_000_000;

describe("a range in an address", () => {
  it("is fixed where it names a beginning and a later end", () => {
    expect(fixedSpan({ start: "10", end: "20.5" })).toEqual({ start: 10, end: 20.5 });
  });

  it("is none that can be used otherwise", () => {
    for (const wrong of [{}, { start: "10" }, { start: "20", end: "10" }, { start: "x", end: "1" }]) {
      expect(fixedSpan(wrong as Record<string, string>)).toBeNull();
    }
  });

  it("falls back to the first preset", () => {
    expect(presetOf("6h").seconds).toBe(21_600);
    expect(presetOf("for ever")).toBe(PRESETS[0]);
  });

  it("goes with links, alone of all parameters", () => {
    expect(rangeParameters({ range: "6h", service: "chat" })).toEqual({ range: "6h" });
    expect(rangeParameters({ range: "6h", start: "1", end: "2" })).toEqual({ start: "1", end: "2" });
    expect(rangeParameters({ service: "chat" })).toEqual({});
  });
});

describe("steps", () => {
  it("are so long that no chart has more than 240 of them", () => {
    for (const { seconds } of [...PRESETS, { seconds: 40 * 86_400 }, { seconds: 9 * 365 * 86_400 }]) {
      expect(seconds / stepOf({ start: NOW - seconds, end: NOW })).toBeLessThanOrEqual(240);
    }
  });

  it("are five seconds in the shortest range, as long as a usual scrape", () => {
    expect(stepOf({ start: NOW - 900, end: NOW })).toBe(5);
  });
});

describe("the window of rates", () => {
  it("is at least a step, so that no request falls between two windows", () => {
    for (const { seconds } of PRESETS) {
      const span = { start: NOW - seconds, end: NOW };
      expect(windowOf(span, NOW)).toBeGreaterThanOrEqual(stepOf(span));
    }
  });

  it("is longer for times that are kept every minute", () => {
    expect(windowOf({ start: NOW - 900, end: NOW }, NOW)).toBe(60);
    expect(windowOf({ start: NOW - 90_000, end: NOW - 89_000 }, NOW)).toBe(300);
  });
});

describe("a moment", () => {
  it("is widened to half a minute, and a longer choice stays as it is", () => {
    expect(widened({ start: 100, end: 110 })).toEqual({ start: 90, end: 120 });
    expect(widened({ start: 100, end: 200 })).toEqual({ start: 100, end: 200 });
  });
});
