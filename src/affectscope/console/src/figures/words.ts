/** Lists and counts in words. */

/** Return `a`, `a and b`, or `a, b and c`. */
export function wordsOf(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/** Return `1 alert` or `2 alerts`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
