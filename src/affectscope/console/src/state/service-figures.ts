/** What the overview says of each service, from the charts of the definitions. */

import {
  ANY_SERVICE,
  chartsOf,
  dashboard,
  substituted,
  type ChartDefinition,
  type MatrixSeries,
} from "../api/metrics";
import { numberOf } from "../figures/matrix";
import { ask } from "./queries.svelte";
import { range } from "./range.svelte";
import type { Span } from "./ranges";

/** Values at the steps of the range; null where nothing was measured. */
export type Values = readonly (number | null)[];

export const QUANTITIES = [
  "traffic",
  "errors",
  "median",
  "p95",
  "p99",
  "cpu",
  "memory",
  "queue",
  "lag",
] as const;
export type Quantity = (typeof QUANTITIES)[number];
export type Figures = Readonly<Partial<Record<Quantity, Values>>>;

/** Where each quantity stands in the definitions: dashboard, chart, and place of the query. */
const SOURCES: Record<Quantity, readonly [string, string, number]> = {
  traffic: ["overview", "traffic", 0],
  errors: ["overview", "errors", 0],
  median: ["service", "service-latency", 0],
  p95: ["service", "service-latency", 1],
  p99: ["service", "service-latency", 2],
  cpu: ["overview", "cpu", 0],
  memory: ["overview", "memory", 0],
  queue: ["overview", "queue", 0],
  lag: ["overview", "loop-lag", 0],
};

/** Return the figures of each service by its name; a quantity without series is left out. */
export async function serviceFigures(): Promise<ReadonlyMap<string, Figures>> {
  const { span, step, window } = range;
  const boards = await Promise.all(["overview", "service"].map(dashboard));
  const charts = new Map<string, ChartDefinition>(
    boards.flatMap((board) => chartsOf(board).map((chart) => [`${board.id}/${chart.id}`, chart])),
  );
  const asked = QUANTITIES.map(async (quantity) => {
    const [board, id, place] = SOURCES[quantity];
    const query = charts.get(`${board}/${id}`)?.queries[place];
    if (query === undefined) return [quantity, []] as const;
    return [quantity, await ask(substituted(query.expr, ANY_SERVICE, window))] as const;
  });
  return figuresOf(await Promise.all(asked), span, step);
}

/** Sort the answers by service, and put their samples on the steps of the span. */
export function figuresOf(
  answers: readonly (readonly [Quantity, readonly MatrixSeries[]])[],
  span: Span,
  step: number,
): Map<string, Figures> {
  const start = Math.floor(span.start / step) * step;
  const length = Math.floor((span.end - start) / step) + 1;
  const found = new Map<string, Partial<Record<Quantity, Values>>>();
  for (const [quantity, series] of answers) {
    for (const { metric, values } of series) {
      const service = metric.service;
      if (service === undefined) continue;
      const column = new Array<number | null>(length).fill(null);
      for (const [time, text] of values) {
        const place = Math.round((time - start) / step);
        if (place >= 0 && place < length) column[place] = numberOf(text);
      }
      const figures = found.get(service) ?? {};
      figures[quantity] = column;
      found.set(service, figures);
    }
  }
  return found;
}

/** Steps at the end of a range whose samples may still be on their way. */
const LATE_STEPS = 3;

/** Return the value at the end of the range, or null where there is none. */
export function latest(values: Values | undefined): number | null {
  return values?.slice(-LATE_STEPS).findLast((value) => value !== null) ?? null;
}
