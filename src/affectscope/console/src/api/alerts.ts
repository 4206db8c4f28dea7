/** Alerts, their rules and history, silences, and objectives. */

import { get, post, remove } from "./client";
import type { Labels } from "./metrics";

export type Severity = "page" | "ticket";
export type AlertState = "pending" | "firing";
export type RuleState = AlertState | "inactive" | "error";

export interface Acknowledgement {
  readonly by: string;
  readonly note: string;
  readonly at: number;
}

export interface Alert {
  readonly fingerprint: string;
  readonly name: string;
  readonly labels: Labels;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly since: number;
  readonly value: number | null;
  readonly summary: string;
  readonly description: string;
  /** The id of the silence that holds. */
  readonly silenced_by: number | null;
  readonly acknowledged: Acknowledgement | null;
}

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  readonly labels: Labels;
  readonly expr: string;
  readonly for_seconds: number;
  readonly state: RuleState;
  /** Why the last evaluation failed; "" where it went well. */
  readonly error: string;
  readonly summary: string;
}

/** An alert that fired, whether or not it is over. */
export interface PastAlert {
  readonly fingerprint: string;
  readonly name: string;
  readonly labels: Labels;
  readonly severity: Severity;
  readonly started: number;
  readonly ended: number | null;
  readonly peak: number;
}

export interface Silence {
  readonly id: number;
  /** By label: the whole value, or `re:` and a regular expression. */
  readonly matchers: Labels;
  readonly start: number;
  readonly end: number;
  readonly by: string;
  readonly comment: string;
}

export interface Objective {
  readonly id: string;
  readonly service: string;
  readonly kind: "availability" | "latency";
  readonly title: string;
  /** Share of requests that shall be good. */
  readonly target: number;
  readonly window_seconds: number;
  readonly good_ratio: number | null;
  /** Share of the budget that is left; below 0 where it is overdrawn. */
  readonly budget_remaining: number | null;
  /** By window such as `1h`: 1 uses the budget up in exactly its window. */
  readonly burn_rate: Readonly<Record<string, number | null>>;
  readonly requests: number;
  readonly threshold_seconds: number | null;
}

export interface Alerts {
  readonly alerts: readonly Alert[];
  readonly rules: readonly Rule[];
}

export function alerts(signal?: AbortSignal): Promise<Alerts> {
  return get<Alerts>("api/alerts", {}, signal);
}

/** Return the alerts that fired between two times, the newest first. */
export async function alertHistory(
  start: number,
  end: number,
  limit: number,
  signal?: AbortSignal,
): Promise<readonly PastAlert[]> {
  const parameters = { start, end, limit };
  return (await get<{ history: PastAlert[] }>("api/alerts/history", parameters, signal)).history;
}

export function acknowledge(fingerprint: string, by: string, note: string): Promise<unknown> {
  return post(`api/alerts/${encodeURIComponent(fingerprint)}/acknowledge`, { by, note });
}

export async function silences(signal?: AbortSignal): Promise<readonly Silence[]> {
  return (await get<{ silences: Silence[] }>("api/silences", {}, signal)).silences;
}

export function silence(wanted: Omit<Silence, "id" | "start">): Promise<Silence> {
  return post<Silence>("api/silences", wanted);
}

export function endSilence(id: number): Promise<void> {
  return remove(`api/silences/${id}`);
}

export async function objectives(signal?: AbortSignal): Promise<readonly Objective[]> {
  return (await get<{ objectives: Objective[] }>("api/objectives", {}, signal)).objectives;
}

/** Worst first: what fires before what is pending, what wakes somebody before what can wait. */
export function byUrgency(one: Alert, other: Alert): number {
  const rank = (alert: Alert): number =>
    (alert.state === "firing" ? 0 : 2) + (alert.severity === "page" ? 0 : 1);
  return rank(one) - rank(other) || other.since - one.since;
}
