/** Ranges of time as they stand in addresses, and the steps at which they are drawn. */

/** A stretch of time; a type and no interface, so that it can serve as parameters of an address. */
export type Span = {
  /** Seconds since the epoch. */
  readonly start: number;
  /** Seconds since the epoch, after `start`. */
  readonly end: number;
};

export interface Preset {
  readonly key: string;
  readonly title: string;
  readonly seconds: number;
}

export const PRESETS: readonly Preset[] = [
  { key: "15m", title: "Last 15 minutes", seconds: 900 },
  { key: "1h", title: "Last hour", seconds: 3600 },
  { key: "6h", title: "Last 6 hours", seconds: 6 * 3600 },
  { key: "24h", title: "Last 24 hours", seconds: 86_400 },
  { key: "7d", title: "Last 7 days", seconds: 7 * 86_400 },
];
export const DEFAULT_PRESET: Preset = PRESETS[0]!;

/** Shorter than this, nothing could be seen at the usual interval of scrapes. */
const LEAST_SECONDS = 30;
const MOST_POINTS = 240;
const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/** Metrics older than this are kept every minute, so a rate needs a few of them. */
const FINE_SECONDS = 6 * 3600;
const FINE_WINDOW = 60;
const COARSE_WINDOW = 300;

/** Return the parameters of an address that say which range is shown. */
export function rangeParameters(
  parameters: Readonly<Record<string, string>>,
): Record<string, string> {
  const { range, start, end } = parameters;
  if (start !== undefined && end !== undefined) return { start, end };
  return range === undefined ? {} : { range };
}

/** Return the fixed span that an address names, or null if it names none that can be used. */
export function fixedSpan(parameters: Readonly<Record<string, string>>): Span | null {
  const start = Number(parameters.start ?? NaN);
  const end = Number(parameters.end ?? NaN);
  if (!Number.isFinite(start) || !Number.isFinite(end) || start < 0 || end <= start) return null;
  return { start, end };
}

export function presetOf(key: string | undefined): Preset {
  return PRESETS.find((preset) => preset.key === key) ?? DEFAULT_PRESET;
}

/** Return a span of at least half a minute around a moment or a selection. */
export function widened({ start, end }: Span): Span {
  const missing = Math.max(0, LEAST_SECONDS - (end - start)) / 2;
  return { start: start - missing, end: end + missing };
}

/** Return the seconds between two points of a chart, so that it has about 240 of them at most. */
export function stepOf({ start, end }: Span): number {
  const least = (end - start) / MOST_POINTS;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}

/**
 * Return the seconds over which rates are taken, at least one step, so that no request is left out.
 *
 * @param now Seconds since the epoch: what is older is kept less finely.
 */
export function windowOf(span: Span, now: number): number {
  const fine = now - span.start <= FINE_SECONDS + 60;
  return Math.max(stepOf(span), fine ? FINE_WINDOW : COARSE_WINDOW);
}
