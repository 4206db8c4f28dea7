/** What a page shows of an answer: loaded when its question changes and at each refresh. */

import { asProblem, type Problem } from "../api/problem";
import { range } from "./range.svelte";

/**
 * Holds the newest answer to a question. Make it while a component is set up.
 *
 * What `load` reads before its first `await` is what the question depends on: when any of it
 * changes, the answer is asked for again, and a late answer to the question before is dropped.
 * While the next answer is under way, and where it fails, the last one stays.
 */
export class Resource<T> {
  value = $state.raw<T | undefined>(undefined);
  problem = $state.raw<Problem | undefined>(undefined);
  loading = $state(true);
  #turn = $state(0);

  /**
   * @param load Asks; its signal is aborted when the answer is no longer wanted.
   * @param refreshes Whether it depends on the range, and is asked for again at each refresh.
   */
  constructor(load: (signal: AbortSignal) => Promise<T>, refreshes = true) {
    $effect(() => {
      if (refreshes) {
        void range.tick;
        void range.span;
      }
      void this.#turn;
      const abort = new AbortController();
      this.loading = true;
      load(abort.signal).then(
        (value) => {
          if (abort.signal.aborted) return;
          this.value = value;
          this.problem = undefined;
          this.loading = false;
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          this.problem = asProblem(error);
          this.loading = false;
        },
      );
      return () => abort.abort();
    });
  }

  /** Ask again. */
  reload(): void {
    this.#turn += 1;
  }
}
