/** Draws the boxes of a flame graph on a canvas, and finds the box at a point. */

import { frameName, matches, type Box, type Origin } from "./flame";

export const ROW_HEIGHT = 19;

/** Narrower boxes, in CSS pixels, are not drawn, nor what is below them. */
const NARROWEST = 0.6;
const NARROWEST_TEXT = 34;

/** Colour and strength of the ground of a frame by who wrote it. */
const GROUNDS: Record<Origin, readonly [string, number]> = {
  own: ["--series-1", 0.45],
  library: ["--series-5", 0.4],
  python: ["--series-6", 0.35],
};

export interface Scene {
  /** What fills the width. */
  readonly top: Box;
  readonly chosen: Box;
  readonly hovered: Box | null;
  /** Frames that contain them are lit, the others pale. */
  readonly words: string;
  readonly width: number;
  /** Rows. */
  readonly depth: number;
}

/** Visit the boxes that can be seen, with where they are in CSS pixels. */
function visit(
  top: Box,
  width: number,
  see: (box: Box, x: number, wide: number, row: number) => void,
): void {
  const scale = width / Math.max(top.value, 1);
  const waiting = [top];
  while (waiting.length > 0) {
    const box = waiting.pop()!;
    const wide = box.value * scale;
    if (wide < NARROWEST) continue;
    see(box, (box.start - top.start) * scale, wide, box.depth - top.depth);
    waiting.push(...box.children);
  }
}

/** Return how many rows are seen. */
export function visibleDepth(top: Box, width: number): number {
  let deepest = 0;
  visit(top, width, (_box, _x, _wide, row) => {
    deepest = Math.max(deepest, row);
  });
  return deepest + 1;
}

/** Return the box at a point in CSS pixels, or null. */
export function boxAt(top: Box, x: number, y: number, width: number): Box | null {
  const row = Math.floor(y / ROW_HEIGHT);
  const weight = top.start + (x / Math.max(width, 1)) * top.value;
  let box = top;
  for (let depth = 0; depth < row; depth += 1) {
    const below = box.children.find((one) => weight >= one.start && weight < one.start + one.value);
    if (below === undefined) return null;
    box = below;
  }
  return row < 0 ? null : box;
}

export function drawFlame(canvas: HTMLCanvasElement, scene: Scene): void {
  const { top, chosen, hovered, words, width, depth } = scene;
  const dense = devicePixelRatio || 1;
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(depth * ROW_HEIGHT * dense);
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const ink = colour("--ink");
  const soft = colour("--soft");
  const focus = colour("--focus");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, depth * ROW_HEIGHT);
  pen.font = `12px ${style.fontFamily}`;
  pen.textBaseline = "middle";

  visit(top, width, (box, x, wide, row) => {
    const y = row * ROW_HEIGHT;
    const gap = wide > 3 ? 1 : 0;
    const lit = matches(box.node.name, words);
    const [name, strength] = GROUNDS[box.origin];
    pen.globalAlpha = lit ? 0.75 : words === "" ? strength : strength * 0.3;
    pen.fillStyle = lit ? focus : colour(name);
    pen.fillRect(x, y, wide - gap, ROW_HEIGHT - 1);
    pen.globalAlpha = 1;
    if (box === hovered || box === chosen) {
      pen.strokeStyle = box === chosen ? focus : ink;
      pen.lineWidth = 2;
      pen.strokeRect(x + 1, y + 1, Math.max(1, wide - gap - 2), ROW_HEIGHT - 3);
    }
    if (wide < NARROWEST_TEXT) return;
    pen.fillStyle = words === "" || lit ? ink : soft;
    const text = fitted(pen, frameName(box.node.name).short, wide - 8);
    if (text !== "") pen.fillText(text, x + 4, y + ROW_HEIGHT / 2);
  });
}

/** Return as much of a text as fits. */
function fitted(pen: CanvasRenderingContext2D, text: string, room: number): string {
  if (pen.measureText(text).width <= room) return text;
  let most = Math.floor(text.length * Math.min(1, room / Math.max(1, pen.measureText(text).width)));
  while (most > 1 && pen.measureText(`${text.slice(0, most)}…`).width > room) most -= 1;
  return most > 2 ? `${text.slice(0, most)}…` : "";
}
