/** The few tones in which a state is shown. */

import type { Objective, RuleState, Severity } from "../api/alerts";
import type { RunState } from "../api/load-tests";
import type { ServiceState } from "../api/metrics";

export type Tone = "pass" | "warn" | "fail" | "quiet";

export const STATE_TONES: Record<ServiceState, Tone> = {
  pass: "pass",
  warn: "warn",
  fail: "fail",
  unreachable: "fail",
};

export const STATE_WORDS: Record<ServiceState, string> = {
  pass: "healthy",
  warn: "needs attention",
  fail: "failing",
  unreachable: "not reachable",
};

/** Below this share of its budget an objective wants attention. */
const LITTLE_LEFT = 0.25;

export function objectiveTone(objective: Objective): Tone {
  const left = objective.budget_remaining;
  if (left === null) return "quiet";
  return left <= 0 ? "fail" : left < LITTLE_LEFT ? "warn" : "pass";
}

export function alertTone(alert: { readonly state: RuleState; readonly severity: Severity }): Tone {
  if (alert.state === "error") return "fail";
  if (alert.state === "firing") return alert.severity === "page" ? "fail" : "warn";
  return alert.state === "pending" ? "warn" : "quiet";
}

export const SEVERITY_WORDS: Record<Severity, string> = {
  page: "look now",
  ticket: "look on the next working day",
};

export const RUN_TONES: Record<RunState, Tone> = {
  finished: "pass",
  stopped: "warn",
  failed: "fail",
};
