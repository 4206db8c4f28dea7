/** Which colour a line has: services keep theirs on every page. */

const SERVICES = ["video", "speech", "chat", "survey", "integrated", "observatory"];
export const COLOURS = 8;

/** Return a colour of the style sheet by place; after the eighth they begin again. */
export function colourAt(place: number): string {
  return `var(--series-${(place % COLOURS) + 1})`;
}

/** Return the colour of a service. */
export function colourOf(service: string): string {
  const place = SERVICES.indexOf(service);
  return colourAt(place < 0 ? COLOURS - 1 : place);
}
