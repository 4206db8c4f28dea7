/** The few tones in which a state is shown. */

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
