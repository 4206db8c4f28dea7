/** Matchers of silences as people write them: `service=chat`, `alertname=~Latency.*`. */

/** Marks a regular expression in the observatory's form. */
const PATTERN = "re:";

export interface Matcher {
  readonly label: string;
  readonly value: string;
  readonly pattern: boolean;
}

/** Return matchers in the observatory's form; those without a label or a value are left out. */
export function matchersOf(matchers: readonly Matcher[]): Record<string, string> {
  return Object.fromEntries(
    matchers
      .filter(({ label, value }) => label.trim() && value.trim())
      .map(({ label, value, pattern }) => [label.trim(), (pattern ? PATTERN : "") + value.trim()]),
  );
}

/** Return one matcher for each label of an alert; together they match this alert and no other. */
export function exactly(labels: Readonly<Record<string, string>>): Matcher[] {
  return Object.entries(labels).map(([label, value]) => ({ label, value, pattern: false }));
}

/** Return `label = value`, or `label ~ pattern`. */
export function matcherText(label: string, value: string): string {
  return value.startsWith(PATTERN)
    ? `${label} ~ ${value.slice(PATTERN.length)}`
    : `${label} = ${value}`;
}
