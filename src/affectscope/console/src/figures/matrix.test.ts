import { describe, expect, it } from "vitest";

import { EMPTY, legendOf, nearest, stacked, summaryOf, tableOf, type Line } from "./matrix";

function line(values: (number | null)[]): Line {
  return { name: "", labels: {}, values };
}

describe("a matrix as a table", () => {
  it("puts all series on one axis and leaves gaps where there is no sample", () => {
    const table = tableOf(
      [
        {
          legend: "{{service}}",
          series: [
            { metric: { service: "chat" }, values: [[100, "1"], [120, "3"]] },
            { metric: { service: "video" }, values: [[110, "5"]] },
          ],
        },
      ],
      10,
    );

    expect(table.times).toEqual([100, 110, 120]);
    expect(table.lines.map(({ name, values }) => [name, values])).toEqual([
      ["chat", [1, null, 3]],
      ["video", [null, 5, null]],
    ]);
  });

  it("takes NaN and infinities for no value, and a series of nothing else for none", () => {
    const series = [
      { metric: { a: "1" }, values: [[0, "NaN"], [5, "2"], [10, "+Inf"]] as [number, string][] },
      { metric: { a: "2" }, values: [[0, "NaN"]] as [number, string][] },
    ];

    expect(tableOf([{ legend: "{{a}}", series }], 5).lines.map((one) => one.values)).toEqual([
      [null, 2, null],
    ]);
  });

  it("is empty without series", () => {
    expect(tableOf([{ legend: "", series: [] }], 5)).toBe(EMPTY);
  });
});

describe("the name of a series", () => {
  it("is the legend with its labels filled in", () => {
    expect(legendOf("{{modality}}: {{ label }}", { modality: "text", label: "joy" })).toBe("text: joy");
  });

  it("is its labels where the legend names none that it has", () => {
    expect(legendOf("{{service}}", { route: "/a" })).toBe("/a");
    expect(legendOf("{{service}}", {})).toBe("value");
  });
});

describe("areas upon each other", () => {
  it("adds each line to those below and takes a gap for nothing", () => {
    expect(stacked([line([1, null, null]), line([2, 3, null])])).toEqual([
      [1, null, null],
      [3, 3, null],
    ]);
  });
});

describe("a summary of a line", () => {
  it("skips gaps, also at the end", () => {
    expect(summaryOf([2, null, 4, null])).toEqual({ latest: 4, least: 2, mean: 3, most: 4 });
    expect(summaryOf([null])).toBeNull();
  });
});

describe("the place of a moment", () => {
  it("is the nearest one within the axis", () => {
    expect([-50, 4, 6, 500].map((moment) => nearest([0, 10, 20], moment))).toEqual([0, 0, 1, 2]);
    expect(nearest([], 5)).toBe(-1);
  });
});
