/** Paths of small lines. */

/**
 * Return the paths of a line and of the area under it; both break where there is no value.
 *
 * @param floor Least height of the scale, in the unit of the values.
 */
export function pathsOf(
  values: readonly (number | null)[],
  width: number,
  height: number,
  floor = 0,
): { line: string; area: string } {
  const top = values.reduce<number>((most, value) => Math.max(most, value ?? 0), floor) || 1;
  const x = (index: number): number => (values.length < 2 ? 0 : (index / (values.length - 1)) * width);
  const y = (value: number): number => height - 1 - (value / top) * (height - 3);
  let line = "";
  let area = "";
  let index = 0;
  while (index < values.length) {
    const first = index;
    const points: string[] = [];
    for (; index < values.length; index++) {
      const value = values[index];
      if (value === null || value === undefined) break;
      points.push(`${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
    }
    if (points.length > 0) {
      line += `M${points.join("L")}${points.length === 1 ? "h1" : ""}`;
      area += `M${x(first).toFixed(1)} ${height}L${points.join("L")}L${x(index - 1).toFixed(1)} ${height}Z`;
    }
    index += 1;
  }
  return { line, area };
}
