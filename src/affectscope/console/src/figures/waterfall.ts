/** From the spans of a trace to the rows of a waterfall: nested, on one clock. */

import type { Span, Trace } from "../api/traces";

export interface Row {
  readonly span: Span;
  /** 0 for a span without a known parent. */
  readonly depth: number;
  /** Spans below it, of all generations. */
  readonly below: number;
  /** Where its bar begins, and how long it is: shares of the whole trace in [0, 1]. */
  readonly left: number;
  readonly width: number;
  readonly stage: string | null;
  /** Share of the bar in which the stage was at work; 1 for what is no stage or was entered once. */
  readonly busy: number;
}

/** How stages are coloured: what only waits is grey, what ends the work shares one. None is red, as errors are. */
const STAGE_SERIES: Readonly<Record<string, number>> = {
  upload: 8,
  queue: 6,
  load: 6,
  decode: 3,
  detect: 1,
  transcribe: 4,
  infer: 2,
};
const OTHER_SERIES = 5;

/** Return the number of the series colour of a stage, 1 to 8. */
export function stageSeries(stage: string): number {
  return STAGE_SERIES[stage] ?? OTHER_SERIES;
}

export function stageOf(span: Span): string | null {
  const stage = span.attributes["affectscope.stage"];
  return typeof stage === "string" ? stage : null;
}

/** Return the rows of a trace from top to bottom: each span, then what is below it, by beginning. */
export function rowsOf(trace: Trace): readonly Row[] {
  const known = new Set(trace.spans.map((span) => span.span_id));
  const children = new Map<string | null, Span[]>();
  for (const span of trace.spans) {
    const parent = span.parent_id !== null && known.has(span.parent_id) ? span.parent_id : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [span]);
    else siblings.push(span);
  }
  const rows: Row[] = [];
  const seen = new Set<string>();
  const whole = Math.max(trace.seconds, 1e-9);

  function add(span: Span, depth: number): void {
    if (seen.has(span.span_id)) return;
    seen.add(span.span_id);
    const place = rows.length;
    const stage = stageOf(span);
    const row = {
      span,
      depth,
      below: 0,
      left: share((span.start - trace.start) / whole),
      width: share(span.seconds / whole),
      stage,
      busy: stage === null ? 1 : busyShare(span),
    };
    rows.push(row);
    for (const child of children.get(span.span_id) ?? []) add(child, depth + 1);
    row.below = rows.length - place - 1;
  }

  for (const top of children.get(null) ?? []) add(top, 0);
  // Spans that are their own ancestors have no top.
  for (const span of trace.spans) add(span, 0);
  return rows;
}

function share(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

function busyShare(span: Span): number {
  const seconds = span.attributes["affectscope.stage.seconds"];
  if (typeof seconds !== "number" || span.seconds <= 0) return 1;
  return share(seconds / span.seconds);
}

/** Return the rows that are seen where the spans of `closed` hide what is below them. */
export function visibleRows(rows: readonly Row[], closed: ReadonlySet<string>): readonly Row[] {
  const seen: Row[] = [];
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index]!;
    seen.push(row);
    if (closed.has(row.span.span_id)) index += row.below;
  }
  return seen;
}

/** Return the index of the row above this one in the tree, or -1. */
export function parentIndex(rows: readonly Row[], index: number): number {
  const depth = rows[index]?.depth ?? 0;
  for (let above = index - 1; above >= 0; above -= 1) {
    if (rows[above]!.depth < depth) return above;
  }
  return -1;
}

/** Return at which seconds a clock of a trace bears marks: 0, and about four round steps after it. */
export function marks(seconds: number): readonly number[] {
  if (!(seconds > 0)) return [0];
  const rough = seconds / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const found: number[] = [];
  for (let index = 0; index * step < seconds * 0.97; index += 1) found.push(index * step);
  return found;
}
