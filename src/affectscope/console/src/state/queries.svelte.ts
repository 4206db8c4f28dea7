/** Queries over the shown range, each asked once for all that show it. */

import { queryRange, type MatrixSeries } from "../api/metrics";
import { range } from "./range.svelte";

const MOST_KEPT = 100;
const kept = new Map<string, Promise<readonly MatrixSeries[]>>();

/**
 * Evaluate PromQL over the shown range.
 *
 * What is asked by several charts at one refresh is asked once; so it cannot be aborted.
 */
export function ask(query: string): Promise<readonly MatrixSeries[]> {
  const key = JSON.stringify([range.tick, range.start, range.end, query]);
  const found = kept.get(key);
  if (found !== undefined) return found;
  const answer = queryRange(query, range.span, range.step);
  kept.set(key, answer);
  answer.catch(() => kept.delete(key));
  const oldest = kept.keys().next();
  if (kept.size > MOST_KEPT && !oldest.done) kept.delete(oldest.value);
  return answer;
}
