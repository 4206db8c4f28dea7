/** From Prometheus' matrix to the columns that uPlot draws. */

import type { Labels, MatrixSeries } from "../api/metrics";

export interface Line {
  /** As in the legend. */
  readonly name: string;
  readonly labels: Labels;
  /** Same length as the times; null where there is no value. */
  readonly values: readonly (number | null)[];
}

export interface Table {
  /** Seconds since the epoch, rising, at equal steps. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

export const EMPTY: Table = { times: [], lines: [] };

/** Return the name of a series: the template with each `{{label}}` filled in. */
export function legendOf(template: string, labels: Labels): string {
  const name = template.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? "");
  if (name.trim()) return name;
  return Object.values(labels).join(" ") || "value";
}

/**
 * Put the answers of several queries on one axis of times.
 *
 * Steps without a sample are null, so that a line breaks where nothing was measured.
 *
 * @param answers Each with the template of its legend.
 * @param step Seconds between two points.
 */
export function tableOf(
  answers: readonly { readonly legend: string; readonly series: readonly MatrixSeries[] }[],
  step: number,
): Table {
  let first = Infinity;
  let last = -Infinity;
  for (const { series } of answers) {
    for (const { values } of series) {
      if (values.length === 0) continue;
      first = Math.min(first, values[0]![0]);
      last = Math.max(last, values[values.length - 1]![0]);
    }
  }
  if (!Number.isFinite(first)) return EMPTY;
  const length = Math.round((last - first) / step) + 1;
  const times = Array.from({ length }, (_, index) => first + index * step);
  const lines: Line[] = [];
  for (const { legend, series } of answers) {
    for (const { metric, values } of series) {
      const column = new Array<number | null>(length).fill(null);
      for (const [time, text] of values) {
        const value = numberOf(text);
        if (value !== null) column[Math.round((time - first) / step)] = value;
      }
      if (column.some((value) => value !== null)) {
        lines.push({ name: legendOf(legend, metric), labels: metric, values: column });
      }
    }
  }
  return lines.length === 0 ? EMPTY : { times, lines };
}

/** Return a sample's value, null for NaN and infinities, which cannot be drawn. */
export function numberOf(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Add each line to those before it, for areas upon each other; null counts as nothing. */
export function stacked(lines: readonly Line[]): (number | null)[][] {
  const height: number[] = [];
  return lines.map(({ values }) =>
    values.map((value, index) => {
      const sum = (height[index] ?? 0) + (value ?? 0);
      height[index] = sum;
      return value === null && sum === 0 ? null : sum;
    }),
  );
}

export interface Summary {
  readonly latest: number;
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

/** Return a line's latest, least, mean and greatest value, or null where it has none. */
export function summaryOf(values: readonly (number | null)[]): Summary | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return {
    latest: known[known.length - 1]!,
    least: Math.min(...known),
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    most: Math.max(...known),
  };
}

/** Return the index of the time that is nearest to a moment; -1 if there are none. */
export function nearest(times: readonly number[], moment: number): number {
  if (times.length < 2) return times.length - 1;
  const step = times[1]! - times[0]!;
  const index = Math.round((moment - times[0]!) / step);
  return Math.min(Math.max(index, 0), times.length - 1);
}
