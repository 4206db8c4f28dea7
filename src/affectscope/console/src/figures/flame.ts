/** From a tree of frames to the boxes of a flame graph and the rows of its table. */

import type { FlameNode, ProfileUnit } from "../api/profiles";
import { count, seconds } from "./format";

/** Who wrote a frame's code: this project, Python itself, or a library. */
export type Origin = "own" | "python" | "library";

export interface Box {
  readonly node: FlameNode;
  readonly parent: Box | null;
  readonly depth: number;
  /** Weights before it at its depth, and its own, in the unit of the profile. */
  readonly start: number;
  readonly value: number;
  /** Weight of the frame itself, without what it called. */
  readonly own: number;
  readonly origin: Origin;
  readonly children: Box[];
}

export interface FrameName {
  readonly short: string;
  /** File and line, shortened to what tells files apart; "" where the profile has none. */
  readonly place: string;
}

/** Lay a tree out: each frame above what it called, side by side by weight. */
export function layout(tree: FlameNode): { readonly root: Box; readonly boxes: readonly Box[] } {
  const root = box(tree, null, 0, 0);
  const boxes: Box[] = [];
  const waiting = [root];
  while (waiting.length > 0) {
    const one = waiting.pop()!;
    boxes.push(one);
    let start = one.start;
    for (const child of one.node.children) {
      const below = box(child, one, one.depth + 1, start);
      start += child.value;
      one.children.push(below);
      waiting.push(below);
    }
  }
  return { root, boxes };
}

function box(node: FlameNode, parent: Box | null, depth: number, start: number): Box {
  let own = node.value;
  for (const child of node.children) own -= child.value;
  const origin = originOf(node.name);
  return { node, parent, depth, start, value: node.value, own: Math.max(own, 0), origin, children: [] };
}

const FORMS = [
  // A profiled request's form, `name (file:line)`, the sampler's, `name (file)`, and that of a stalled loop's stack.
  /^(?<name>.+) \((?<file>[^()]+?)(:(?<line>\d+))?\)$/,
  /^(?<file>\S+|<.+>):(?<line>\d+) (?<name>.+)$/,
];

export function frameName(name: string): FrameName {
  for (const form of FORMS) {
    const groups = form.exec(name)?.groups;
    if (groups !== undefined) {
      const { name: short = name, file = "", line } = groups;
      return { short, place: shortFile(file) + (line === undefined ? "" : `:${line}`) };
    }
  }
  return { short: name, place: "" };
}

/** Return a path from its package on, as its import would say it. */
function shortFile(path: string): string {
  if (!/^([\\/]|\w:)/.test(path)) return path;
  const parts = path.split(/[\\/]/);
  for (let mark = parts.length - 2; mark >= 0; mark -= 1) {
    if (/^(site-packages|dist-packages|src|python3\.\d+)$/.test(parts[mark]!)) {
      return parts.slice(mark + 1).join("/");
    }
  }
  return parts.slice(-2).join("/");
}

export function originOf(name: string): Origin {
  if (/[\\/](site|dist)-packages[\\/]/.test(name)) return "library";
  if (/(^|[\\/( ])affectscope[\\/]/.test(name)) return "own";
  if (/(^|[\\/(])python3\.\d+[\\/]/.test(name) || name.includes("<frozen ")) return "python";
  return /[\\/]/.test(name) ? "library" : "python";
}

/** Return a weight for people. */
export function weight(value: number, unit: ProfileUnit): string {
  if (unit === "microseconds") return seconds(value / 1e6);
  return `${count(value)} ${value === 1 ? "sample" : "samples"}`;
}

/** Whether a frame's name or place contains the words, in any case. */
export function matches(name: string, words: string): boolean {
  return words !== "" && name.toLowerCase().includes(words.toLowerCase());
}

/** Return the share of a tree's weight in frames that match, each stack counted once. */
export function matchedShare(root: Box, words: string): number {
  if (words === "" || root.value === 0) return 0;
  let found = 0;
  const waiting = [root];
  while (waiting.length > 0) {
    const one = waiting.pop()!;
    if (matches(one.node.name, words)) found += one.value;
    else waiting.push(...one.children);
  }
  return found / root.value;
}

export interface FunctionRow {
  readonly name: string;
  readonly own: number;
  /** With all that it called; a function that called itself is counted once. */
  readonly total: number;
  readonly origin: Origin;
}

/** Return the functions of a tree, each once, by their own weight. */
export function functionsOf(root: Box): readonly FunctionRow[] {
  const found = new Map<string, { own: number; total: number; origin: Origin }>();
  const above = new Map<string, number>();

  // By hand instead of by recursion: stacks may be deep.
  const waiting: { one: Box; leaving: boolean }[] = [{ one: root, leaving: false }];
  while (waiting.length > 0) {
    const { one, leaving } = waiting.pop()!;
    const name = one.node.name;
    const depth = above.get(name) ?? 0;
    if (leaving) {
      above.set(name, depth - 1);
      continue;
    }
    if (one.parent !== null) {
      const row = found.get(name) ?? { own: 0, total: 0, origin: one.origin };
      row.own += one.own;
      if (depth === 0) row.total += one.value;
      found.set(name, row);
    }
    above.set(name, depth + 1);
    waiting.push({ one, leaving: true });
    for (const child of one.children) waiting.push({ one: child, leaving: false });
  }
  return [...found]
    .map(([name, row]) => ({ name, ...row }))
    .sort((a, b) => b.own - a.own || b.total - a.total);
}
