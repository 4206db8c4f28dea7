/** The load tests of the shown range, which charts mark as bands. */

import { loadTests, type LoadEntry } from "../api/load-tests";
import { titleOf } from "../figures/load";
import type { Band } from "../figures/plot";
import type { Span } from "./ranges";
import { router } from "./router.svelte";

const MOST = 100;

class LoadRuns {
  #runs = $state.raw<readonly LoadEntry[]>([]);
  #asked = "";

  /** Return the runs within a span, of one service or of all, as bands. */
  bands(span: Span, service?: string): Band[] {
    this.#ask(span);
    return this.#runs
      .filter((run) => service === undefined || [service, "all"].includes(run.test_type))
      .map((run) => ({
        start: run.start,
        end: run.end,
        title: titleOf(run),
        href: router.href(`/load-tests/${encodeURIComponent(run.id)}`),
      }))
      .filter((band) => band.end >= span.start && band.start <= span.end);
  }

  /** All charts of a page show the same span, so they ask once together. */
  #ask({ start, end }: Span): void {
    const wanted = `${start} ${end}`;
    if (wanted === this.#asked) return;
    this.#asked = wanted;
    loadTests(MOST, { start, end }).then(
      (runs) => (this.#runs = runs),
      // Charts are useful without bands; the page of load tests says what is wrong.
      () => {},
    );
  }
}

export const loadRuns = new LoadRuns();
