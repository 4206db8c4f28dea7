/** The newest load tests, which charts mark as bands. */

import { loadTests, type LoadRun } from "../api/load-tests";
import type { Band } from "../figures/plot";
import type { Span } from "./ranges";
import { router } from "./router.svelte";

const MOST = 100;
const FRESH_SECONDS = 20;

class LoadRuns {
  #runs = $state.raw<readonly LoadRun[]>([]);
  #asked = -Infinity;

  /** Return the runs within a span, of one service or of all, as bands. */
  bands(span: Span, service?: string): Band[] {
    this.#ask();
    return this.#runs
      .filter((run) => service === undefined || [service, "all"].includes(run.test_type))
      .map((run) => ({
        start: run.start,
        end: run.end ?? span.end,
        title: `${run.mode}, ${run.test_type}`,
        href: router.href(`/load-tests/${encodeURIComponent(run.id)}`),
      }))
      .filter((band) => band.end >= span.start && band.start <= span.end);
  }

  #ask(): void {
    const now = performance.now() / 1000;
    if (now - this.#asked < FRESH_SECONDS) return;
    this.#asked = now;
    loadTests(MOST).then(
      (runs) => (this.#runs = runs),
      // Charts are useful without bands; the page of load tests says what is wrong.
      () => {},
    );
  }
}

export const loadRuns = new LoadRuns();
