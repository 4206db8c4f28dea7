/** Options of uPlot: axes, scales and marks in the colours of the style sheet. */

import type uPlot from "uplot";

import type { Unit } from "../api/metrics";
import type { Span } from "../state/ranges";
import { inUnit } from "./format";

/** A stretch of time that is marked behind the lines. */
export interface Band extends Span {
  readonly title: string;
  readonly href: string;
}

const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const MINUTE = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const SECOND = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** Return the marks of an axis of time, in seconds since the epoch. */
export function timeMarks(times: readonly number[]): string[] {
  const gap = times.length > 1 ? times[1]! - times[0]! : 60;
  return times.map((time) => {
    const date = new Date(time * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    if (gap >= 86_400 || (midnight && gap >= 3600)) return DAY.format(date);
    return (gap < 60 ? SECOND : MINUTE).format(date);
  });
}

const BINARY_STEPS = Array.from({ length: 45 }, (_, index) => 2 ** index);

/** Resolve `var(--name)` to the colour that it stands for now: a canvas knows no variables. */
export function resolved(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  if (name === undefined) return colour;
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888";
}

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

/** Return the two axes: time, and values of a unit. */
export function axesOf(unit: Unit): uPlot.Axis[] {
  const base = {
    stroke: () => resolved("var(--soft)"),
    font: FONT,
    grid: { stroke: () => resolved("var(--line)"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...base, size: 28, gap: 6, space: 70, values: (_, times) => timeMarks(times) },
    {
      ...base,
      size: 66,
      gap: 6,
      space: 34,
      values: (_, values) => values.map((value) => inUnit(value, unit)),
      ...(unit === "bytes" ? { incrs: BINARY_STEPS } : {}),
    },
  ];
}

/** Return the greatest value of the scale: a little above the lines, or above what they are near. */
export function scaleTop(most: number | null, unit: Unit): number {
  if (unit === "up") return 1;
  if (most === null || most <= 0) return unit === "percent" ? 100 : 1;
  return most * 1.08;
}

/** Mark bands behind the grid. */
export function drawBands(plot: uPlot, bands: readonly Band[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = resolved("var(--band)");
  for (const { start, end } of bands) {
    const left = Math.max(plot.valToPos(start, "x", true), bbox.left);
    const right = Math.min(plot.valToPos(end, "x", true), bbox.left + bbox.width);
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
  }
  ctx.restore();
}

/** Draw a dashed line at the value from which on things are bad. */
export function drawLimit(plot: uPlot, value: number, colour: string): void {
  const top = plot.scales.y?.max ?? 0;
  if (value <= 0 || value > top) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = resolved(colour);
  ctx.globalAlpha = 0.8;
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
