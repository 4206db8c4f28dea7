/** What pages say of load tests. */

import type { LoadEntry, LoadReport, LoadRun, RunPoint, Times } from "../api/load-tests";
import { NOTHING, number } from "./format";
import type { Table } from "./matrix";

/** Percentiles in tables, by their names in the interface. */
export const PERCENTILES: readonly (readonly [string, string])[] = [
  ["p50_seconds", "50 % within"],
  ["p90_seconds", "90 % within"],
  ["p95_seconds", "95 % within"],
  ["p99_seconds", "99 % within"],
  ["p99_9_seconds", "99.9 % within"],
  ["max_seconds", "longest"],
];

export const MODE_WORDS: Readonly<Record<string, string>> = {
  closed: "One at a time",
  constant: "Constant rate",
  ramp: "Growing rate",
  soak: "Soak",
  search: "Highest rate",
};

export function titleOf(run: LoadRun): string {
  const services = run.test_type === "all" ? "all services" : run.test_type;
  return `${MODE_WORDS[run.mode] ?? run.mode}, ${services}`;
}

/** Return the corrected times; raw ones where there are no others, as in runs one at a time. */
export function bestTimes(figures: Pick<LoadEntry, "corrected" | "raw">): Times {
  return figures.corrected ?? figures.raw ?? {};
}

/** Return how many requests failed or were never sent. */
export function errorsOf(figures: Pick<LoadEntry, "errors" | "unsent">): number {
  const failed = Object.values(figures.errors ?? {}).reduce((sum, count) => sum + count, 0);
  return failed + (figures.unsent ?? 0);
}

/** Return how a ratio changes what it is of, such as `+12 %` for 1.12. */
export function changeText(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined) return NOTHING;
  if (ratio >= 2) return `${number(ratio)} ×`;
  const size = Math.abs(ratio - 1) * 100;
  const text = size >= 10 ? size.toFixed(0) : size.toFixed(1);
  if (Number(text) === 0) return "same";
  return `${ratio > 1 ? "+" : "−"}${text} %`;
}

/**
 * Return lines of the points of a run.
 *
 * @param lines Name of each line, and of its member in a point.
 */
export function pointsTable(
  report: LoadReport,
  lines: readonly (readonly [string, keyof RunPoint])[],
): Table {
  return {
    times: report.points.map((point) => report.start + point.start),
    lines: lines.map(([name, member]) => ({
      name,
      labels: {},
      values: report.points.map((point) => point[member]),
    })),
  };
}

/** Place of a percentile on an axis on which each further nine is as far as the one before. */
export function nines(percentile: number): number {
  return Math.log10(100 / (100 - Math.min(percentile, 99.9995)));
}
