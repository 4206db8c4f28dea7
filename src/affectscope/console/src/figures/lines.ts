/** Lines of logs in short, and how many there were when. */

import type { LogLine } from "../api/logs";
import type { Value } from "../api/traces";
import type { Span } from "../state/ranges";
import { seconds } from "./format";
import { LEVELS, type Level } from "./levels";

const LONGEST = 160;

/** Return the fields of a line that say most, in one row. */
export function brief(line: LogLine): string {
  const { method, endpoint, status, error_type: kind, seconds: length } = line.fields;
  const parts: string[] = [];
  if (endpoint !== undefined) {
    const shown = [method, endpoint, status, kind].filter((value) => value !== undefined);
    parts.push(shown.map(plain).join(" "));
    if (typeof length === "number") parts.push(seconds(length));
  } else {
    for (const [name, value] of Object.entries(line.fields)) {
      // What is nested is long, and seen when the line is unfolded.
      if (typeof value !== "object") parts.push(`${name}=${plain(value)}`);
    }
  }
  const text = parts.join(" · ");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
}

/** Return a field's value as text; what is nested as JSON. */
export function plain(value: Value | undefined): string {
  if (value === undefined) return "";
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

export interface Bin {
  readonly start: number;
  readonly end: number;
  /** Lines of each level. */
  readonly counts: Readonly<Record<Level, number>>;
  readonly total: number;
}

/** Return how many lines there were in each of so many equal parts of a span. */
export function bins(lines: readonly LogLine[], span: Span, parts: number): readonly Bin[] {
  const width = (span.end - span.start) / parts;
  const counts = Array.from({ length: parts }, () => ({ debug: 0, info: 0, warning: 0, error: 0 }));
  if (width > 0) {
    for (const line of lines) {
      const place = Math.floor((line.time - span.start) / width);
      const bin = counts[Math.min(Math.max(place, 0), parts - 1)];
      if (bin !== undefined) bin[line.level] += 1;
    }
  }
  return counts.map((bin, index) => ({
    start: span.start + index * width,
    end: span.start + (index + 1) * width,
    counts: bin,
    total: LEVELS.reduce((sum, level) => sum + bin[level], 0),
  }));
}
