/** Numbers and times for people. */

import type { Unit } from "../api/metrics";

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];
const COUNTS = ["", " k", " M", " G"];

/** Stands where there is no value. */
export const NOTHING = "–";

/** Return a number with about three digits that matter. */
export function number(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  if (size >= 100) return value.toFixed(0);
  return String(Number(value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3)));
}

function scaled(value: number, base: number, names: readonly string[]): [number, string] {
  let size = value;
  let place = 0;
  while (Math.abs(size) >= base && place < names.length - 1) {
    size /= base;
    place += 1;
  }
  return [size, names[place] ?? ""];
}

export function bytes(value: number): string {
  const [size, name] = scaled(value, 1024, BYTES);
  return `${number(size)} ${name}`;
}

export function count(value: number): string {
  const [size, name] = scaled(value, 1000, COUNTS);
  return `${number(size)}${name}`;
}

/** Return a short time such as `12.4 ms`, or a long one such as `3 min 20 s`. */
export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.0005) return `${number(value * 1e6)} µs`;
  if (size < 1) return `${number(value * 1e3)} ms`;
  if (size < 60) return `${number(value)} s`;
  return duration(value);
}

/** Return a length of time in its two greatest units, such as `2 h 5 min`. */
export function duration(value: number): string {
  let rest = Math.round(Math.abs(value));
  const sign = value < 0 ? "−" : "";
  const parts: string[] = [];
  for (const [length, name] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const) {
    const whole = Math.floor(rest / length);
    rest -= whole * length;
    if (whole > 0 || (name === "s" && parts.length === 0)) parts.push(`${whole} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return sign + parts.join(" ");
}

/** Return a percentage with one decimal; where nearly all is reached, with two and never 100. */
export function percent(value: number): string {
  if (value > 99 && value < 100) return `${Math.floor(value * 100 + 1e-6) / 100} %`;
  if (value !== 0 && Math.abs(value) < 0.05) return `${number(value)} %`;
  return `${Number(value.toFixed(Math.abs(value) >= 100 ? 0 : 1))} %`;
}

/** Return a share in [0, 1] as a percentage. */
export function share(value: number): string {
  return percent(value * 100);
}

/** Return a value with its unit; NOTHING where there is none. */
export function inUnit(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  switch (unit) {
    case "seconds":
      return seconds(value);
    case "bytes":
      return bytes(value);
    case "percent":
      return percent(value);
    case "ratio":
      return share(value);
    case "requests/s":
    case "items/s":
      return `${count(value)}/s`;
    case "requests":
      return count(value);
    case "times":
      return `${number(value)} ×`;
    case "up":
      return value >= 1 ? "up" : "down";
  }
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const MOMENT = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** Return the time of day of a moment in seconds since the epoch. */
export function clock(time: number): string {
  return CLOCK.format(time * 1000);
}

/** Return day and time of a moment in seconds since the epoch. */
export function moment(time: number): string {
  return MOMENT.format(time * 1000);
}

/** Return how long ago a moment was, such as `5 min ago`. */
export function ago(time: number, now: number): string {
  const passed = now - time;
  if (passed < 5) return "just now";
  const units = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const;
  for (const [length, name] of units) {
    if (passed >= length) return `${Math.floor(passed / length)} ${name} ago`;
  }
  return `${Math.floor(passed)} s ago`;
}
