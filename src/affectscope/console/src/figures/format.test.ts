import { describe, expect, it } from "vitest";

import { ago, bytes, count, duration, inUnit, NOTHING, percent, seconds, share } from "./format";

describe("numbers for people", () => {
  it("keeps about three digits of a time and chooses its unit", () => {
    expect([0, 0.0000123, 0.0042, 0.2346, 1.234, 12.34, 59.9].map(seconds)).toEqual([
      "0 s",
      "12.3 µs",
      "4.2 ms",
      "235 ms",
      "1.23 s",
      "12.3 s",
      "59.9 s",
    ]);
  });

  it("says long times in their two greatest units", () => {
    expect([60, 61, 3600, 3661, 90_000, 59.6].map(duration)).toEqual([
      "1 min",
      "1 min 1 s",
      "1 h",
      "1 h 1 min",
      "1 d 1 h",
      "1 min",
    ]);
  });

  it("never rounds a share that is not whole up to 100 %", () => {
    expect(share(0.99999)).toBe("99.99 %");
    expect(share(1)).toBe("100 %");
    expect(share(0.995)).toBe("99.5 %");
    expect(percent(0.983)).toBe("1 %");
    expect(percent(240.4)).toBe("240 %");
  });

  it("counts bytes in powers of 1024 and other things in powers of 1000", () => {
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(3 * 1024 ** 3)).toBe("3 GiB");
    expect(count(12_345)).toBe("12.3 k");
  });

  it("says that there is nothing where there is no value", () => {
    expect(inUnit(null, "seconds")).toBe(NOTHING);
    expect(inUnit(NaN, "requests/s")).toBe(NOTHING);
    expect(inUnit(undefined, "bytes")).toBe(NOTHING);
    expect(inUnit(0, "requests/s")).toBe("0/s");
    expect(inUnit(0, "up")).toBe("down");
  });

  it("says how long ago something was", () => {
    expect([1, 30, 130, 7300, 200_000].map((passed) => ago(1e6 - passed, 1e6))).toEqual([
      "just now",
      "30 s ago",
      "2 min ago",
      "2 h ago",
      "2 d ago",
    ]);
  });
});
