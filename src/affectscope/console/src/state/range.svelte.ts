/** The range of time that all pages share; the address holds it, so that a link shows the same. */

import { isAsking } from "../api/client";
import { router } from "./router.svelte";
import { fixedSpan, presetOf, stepOf, windowOf, type Preset, type Span } from "./ranges";

const REFRESH_SECONDS = 10;
const LOOK_SECONDS = 0.5;

function now(): number {
  return Date.now() / 1000;
}

class Range {
  #now = $state(now());
  /** Grows with each refresh; a `Resource` loads anew when it does. */
  tick = $state(0);
  paused = $state(false);

  constructor() {
    // While answers are awaited nothing is asked anew: those of a slow observatory would never be
    // shown, and it would have ever more to do.
    setInterval(() => {
      const due = now() - this.#now >= REFRESH_SECONDS;
      if (due && this.live && !document.hidden && !isAsking()) this.refresh();
    }, LOOK_SECONDS * 1000);
  }

  readonly #key = $derived(router.get("range"));
  readonly #from = $derived(router.get("start"));
  readonly #to = $derived(router.get("end"));
  /** The span that somebody chose, or null while the range ends now. */
  readonly fixed: Span | null = $derived(fixedSpan({ start: this.#from, end: this.#to }));
  readonly preset: Preset = $derived(presetOf(this.#key));
  readonly span: Span = $derived(
    this.fixed ?? { start: this.#now - this.preset.seconds, end: this.#now },
  );
  /** Seconds between two points of a chart. */
  readonly step: number = $derived(stepOf(this.span));
  /** Seconds over which rates are taken. */
  readonly window: number = $derived(windowOf(this.span, this.#now));

  /** The moment of the last refresh, seconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  get start(): number {
    return this.span.start;
  }

  get end(): number {
    return this.span.end;
  }

  get live(): boolean {
    return this.fixed === null && !this.paused;
  }

  refresh(): void {
    this.#now = now();
    this.tick += 1;
  }

  choosePreset(key: string): void {
    router.set({ range: key, start: null, end: null });
    this.refresh();
  }

  chooseSpan({ start, end }: Span): void {
    const seconds = (value: number): string => String(Math.round(value * 1000) / 1000);
    router.set({ range: null, start: seconds(start), end: seconds(end) });
    this.refresh();
  }
}

export const range = new Range();
