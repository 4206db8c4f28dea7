/** Load tests that were run, as the observatory keeps them. */

import { get } from "./client";

/** A run in the list. */
export interface LoadRun {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly start: number;
  /** Seconds since the epoch; null while it goes on. */
  readonly end: number | null;
  readonly mode: string;
  readonly test_type: string;
}

export async function loadTests(limit: number, signal?: AbortSignal): Promise<readonly LoadRun[]> {
  return (await get<{ runs: LoadRun[] }>("api/load-tests", { limit }, signal)).runs;
}
