/** Load tests that were run, as the observatory keeps them. */

import type { Span } from "../state/ranges";
import { get } from "./client";

export type RunState = "finished" | "stopped" | "failed";

/** Times in seconds by name, such as `p99_seconds`; null where no request succeeded. */
export type Times = Readonly<Record<string, number | null>>;

/** Rates are requests a second. */
export interface LoadFigures {
  readonly scheduled: number;
  readonly requests: number;
  readonly unsent: number;
  readonly succeeded: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly censored: number;
  /** Not there where requests were sent one at a time, and so were never meant for a moment. */
  readonly scheduled_rate?: number;
  readonly offered_rate?: number;
  readonly completed_rate?: number;
  readonly achieved_rate: number;
  /** From the moment at which a request was meant to start; null where there was none. */
  readonly corrected: Times | null;
  /** From the moment at which it was sent. */
  readonly raw: Times;
}

/** What a run is called by. */
export interface LoadRun {
  readonly id: string;
  readonly state: RunState;
  readonly detail: string | null;
  readonly mode: string;
  readonly test_type: string;
  /** Seconds since the epoch. */
  readonly start: number;
  /** Seconds since the epoch. */
  readonly end: number;
  /** What was asked for, with all usual values filled in. */
  readonly plan: Readonly<Record<string, unknown>>;
}

type Nullable<T> = { readonly [Name in keyof T]: T[Name] | null };

/** A run in the list: its figures are null where there are none. */
export interface LoadEntry extends LoadRun, Nullable<LoadFigures> {
  /** Requests a second that a search found. */
  readonly found_rate: number | null;
}

export interface CurvePoint {
  readonly percentile: number;
  readonly seconds: number;
}

export interface Curves {
  readonly corrected: readonly CurvePoint[];
  readonly raw: readonly CurvePoint[];
}

export interface RunPoint {
  /** Seconds since the beginning of the run. */
  readonly start: number;
  readonly scheduled_rate: number | null;
  readonly offered_rate: number | null;
  readonly achieved_rate: number | null;
  readonly error_rate: number | null;
  readonly p50_seconds: number | null;
  readonly p99_seconds: number | null;
  readonly max_seconds: number | null;
}

export interface Trial {
  readonly rate: number;
  readonly seconds: number;
  readonly requests: number;
  readonly offered_rate: number;
  readonly achieved_rate: number;
  readonly value_seconds: number | null;
  readonly error_ratio: number;
  readonly cause: string | null;
  readonly passed: boolean;
}

export interface Search {
  readonly objective: Readonly<Record<string, number>>;
  readonly found_rate: number | null;
  readonly reason_text: string | null;
  readonly trials: readonly Trial[];
}

export interface Steadiness {
  readonly first: Times;
  readonly last: Times;
  readonly ratios: Times;
  readonly memory_bytes_an_hour: Readonly<Record<string, number | null>>;
}

/** A whole run. */
export interface LoadReport extends LoadRun {
  readonly seconds: number | null;
  readonly step_seconds: number | null;
  readonly summary: LoadFigures | null;
  readonly services: Readonly<Record<string, LoadFigures>>;
  /** Of `all` together, and of each service by name. */
  readonly curves: Readonly<Record<string, Curves>>;
  readonly points: readonly RunPoint[];
  readonly flags: readonly { readonly code: string; readonly text: string }[];
  readonly search: Search | null;
  readonly steadiness: Steadiness | null;
  readonly version?: string;
}

/** A figure of two runs: `ratio` is the other divided by the base. */
export interface Ratio {
  readonly base: number | null;
  readonly other: number | null;
  readonly ratio: number | null;
  /** Bounds that hold 95 % of what the ratio would be if the parts of both were drawn anew. */
  readonly low?: number;
  readonly high?: number;
  /** Whether 1 lies outside of these bounds. */
  readonly sure?: boolean;
}

export interface Ratios {
  readonly corrected: Readonly<Record<string, Ratio>> | null;
  readonly raw: Readonly<Record<string, Ratio>> | null;
  readonly scheduled_rate: Ratio;
  readonly offered_rate: Ratio;
  readonly completed_rate: Ratio;
  readonly achieved_rate: Ratio;
}

export interface Comparison {
  readonly comparable: boolean;
  readonly differences: readonly {
    readonly field: string;
    readonly base: unknown;
    readonly other: unknown;
  }[];
  /** Of `all` services together, and of each that both have. */
  readonly ratios: Readonly<Record<string, Ratios>>;
}

/** Return runs, newest first; those within a span where one is given. */
export async function loadTests(
  limit: number,
  span: Partial<Span> = {},
  signal?: AbortSignal,
): Promise<readonly LoadEntry[]> {
  const parameters = { limit, ...span };
  return (await get<{ runs: LoadEntry[] }>("api/load-tests", parameters, signal)).runs;
}

export function compareLoadTests(
  base: string,
  other: string,
  signal?: AbortSignal,
): Promise<Comparison> {
  const path = `api/load-tests/${encodeURIComponent(base)}/compare/${encodeURIComponent(other)}`;
  return get<Comparison>(path, {}, signal);
}

export function loadTest(id: string, signal?: AbortSignal): Promise<LoadReport> {
  return get<LoadReport>(`api/load-tests/${encodeURIComponent(id)}`, {}, signal);
}
