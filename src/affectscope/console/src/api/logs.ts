/** Lines of logs. */

import type { Level } from "../figures/levels";
import { get } from "./client";
import type { Value } from "./traces";

export interface LogLine {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly service: string;
  readonly level: Level;
  readonly event: string;
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly fields: Readonly<Record<string, Value>>;
}

/** What to look for; what is "" or undefined is not asked. */
export interface LogQuestion {
  readonly query?: string | undefined;
  readonly start: number;
  readonly end: number;
  readonly service?: string | undefined;
  /** Least severe. */
  readonly level?: string | undefined;
  readonly trace_id?: string | undefined;
  readonly limit: number;
  readonly before?: number | undefined;
}

export interface LogPage {
  readonly logs: readonly LogLine[];
  /** For the next page; null where this is the last one. */
  readonly next: number | null;
}

export function logs(question: LogQuestion, signal?: AbortSignal): Promise<LogPage> {
  return get<LogPage>("api/logs", { ...question }, signal);
}
