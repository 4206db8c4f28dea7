/** Traces: the list, and one with its spans, lines of logs and profiles. */

import { get } from "./client";
import type { LogLine } from "./logs";
import type { ProfileSummary } from "./profiles";

/** Why a trace was kept. */
export type Kept = "error" | "slow" | "profile" | "share";

export interface TraceSummary {
  readonly trace_id: string;
  /** Seconds since the epoch. */
  readonly start: number;
  readonly seconds: number;
  /** Of the root, as name, endpoint and status are. */
  readonly service: string;
  readonly name: string;
  readonly endpoint: string | null;
  readonly status: number | null;
  readonly error: boolean;
  readonly error_type: string | null;
  readonly services: readonly string[];
  readonly spans: number;
  readonly kept: Kept;
  readonly profiles: number;
}

export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

export interface SpanEvent {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly attributes: Readonly<Record<string, Value>>;
}

export interface Span {
  readonly span_id: string;
  readonly parent_id: string | null;
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  /** Seconds since the epoch. */
  readonly start: number;
  readonly seconds: number;
  readonly error: boolean;
  readonly status_message: string;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly SpanEvent[];
}

export interface Trace {
  readonly trace_id: string;
  readonly start: number;
  readonly seconds: number;
  readonly spans: readonly Span[];
  readonly logs: readonly LogLine[];
  readonly profiles: readonly ProfileSummary[];
}

/** What to look for; what is "" or undefined is not asked. */
export interface TraceQuestion {
  readonly start: number;
  readonly end: number;
  readonly service?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly min_seconds?: string | undefined;
  readonly errors?: string | undefined;
  readonly limit: number;
  readonly before?: number | undefined;
}

export interface TracePage {
  readonly traces: readonly TraceSummary[];
  /** For the next page; null where this is the last one. */
  readonly next: number | null;
}

export function traces(question: TraceQuestion, signal?: AbortSignal): Promise<TracePage> {
  return get<TracePage>("api/traces", { ...question }, signal);
}

export function trace(id: string, signal?: AbortSignal): Promise<Trace> {
  return get<Trace>(`api/traces/${encodeURIComponent(id)}`, {}, signal);
}

/** Whether a trace failed, or was refused: its root answered 400 or above. */
export function wentWrong(one: TraceSummary): boolean {
  return one.error || one.error_type !== null || (one.status ?? 0) >= 400;
}
