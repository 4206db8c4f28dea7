/** PromQL, the services that are watched, and the charts that the definitions describe. */

import type { Span } from "../state/ranges";
import { get } from "./client";
import { Problem } from "./problem";

export type Labels = Readonly<Record<string, string>>;

/** A series of a range: points of seconds since the epoch and a number as text. */
export interface MatrixSeries {
  readonly metric: Labels;
  readonly values: readonly (readonly [number, string])[];
}

/** A series at one moment. */
export interface VectorSample {
  readonly metric: Labels;
  readonly value: readonly [number, string];
}

export type Unit =
  | "seconds"
  | "requests/s"
  | "items/s"
  | "requests"
  | "bytes"
  | "percent"
  | "ratio"
  | "times"
  | "up";

export interface ChartQuery {
  readonly expr: string;
  readonly legend: string;
}

export interface ChartDefinition {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly kind: "line" | "area" | "stat";
  readonly queries: readonly ChartQuery[];
  readonly thresholds: readonly { readonly value: number; readonly color: string }[];
  /** Services that have such series; all if empty. */
  readonly services: readonly string[];
}

export interface ChartRow {
  readonly title: string;
  readonly charts: readonly ChartDefinition[];
}

export interface Dashboard {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly ChartRow[];
}

export type ServiceState = "pass" | "warn" | "fail" | "unreachable";

export interface ServiceStatus {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly state: ServiceState;
  readonly version: string | null;
  readonly uptime_seconds: number | null;
  readonly last_scrape: number | null;
  readonly scrape_seconds: number | null;
  readonly detail: string;
}

interface PrometheusAnswer<R> {
  readonly data: { readonly result: R };
}

/** Evaluate PromQL at one time, now if none is given. */
export async function queryNow(
  query: string,
  time?: number,
  signal?: AbortSignal,
): Promise<readonly VectorSample[]> {
  const path = "api/v1/query";
  const answer = await get<PrometheusAnswer<VectorSample[]>>(path, { query, time }, signal);
  return answer.data.result;
}

/** Evaluate PromQL over a span at equal steps of so many seconds. */
export async function queryRange(
  query: string,
  span: Span,
  step: number,
  signal?: AbortSignal,
): Promise<readonly MatrixSeries[]> {
  // Whole steps, so that a refresh moves the points by whole steps and the lines do not tremble.
  const start = Math.floor(span.start / step) * step;
  const parameters = { query, start, end: span.end, step };
  const answer = await get<PrometheusAnswer<MatrixSeries[]>>(
    "api/v1/query_range",
    parameters,
    signal,
  );
  return answer.data.result;
}

export async function services(signal?: AbortSignal): Promise<readonly ServiceStatus[]> {
  return (await get<{ services: ServiceStatus[] }>("api/services", {}, signal)).services;
}

let known: Promise<readonly Dashboard[]> | undefined;

/** Return the dashboards of the definitions; they are asked for once, for they stay. */
export function dashboards(): Promise<readonly Dashboard[]> {
  known ??= get<{ dashboards: Dashboard[] }>("api/charts").then((answer) => answer.dashboards);
  known.catch(() => {
    known = undefined;
  });
  return known;
}

/** Return a dashboard by its id. */
export async function dashboard(id: string): Promise<Dashboard> {
  const found = (await dashboards()).find((board) => board.id === id);
  if (found === undefined) {
    throw new Problem(0, `The definitions have no dashboard "${id}"`, "Its charts are not shown.");
  }
  return found;
}

export function chartsOf(board: Dashboard): readonly ChartDefinition[] {
  return board.rows.flatMap((row) => row.charts);
}

/** Any service, in an expression with `$service`. */
export const ANY_SERVICE = ".+";

/**
 * Fill the variables of a definition's expression in.
 *
 * @param window Seconds over which rates are taken.
 */
export function substituted(expr: string, service: string, window: number): string {
  return expr.replaceAll("$service", service).replaceAll("$window", `${Math.round(window)}s`);
}
