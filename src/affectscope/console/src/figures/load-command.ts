/** The command that starts a load test. */

export type Mode = "closed" | "constant" | "ramp" | "soak" | "search";

export interface Parameter {
  readonly name: string;
  readonly title: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
}

/** What a form asks for; the rest has usual values, which the gateway's documents list. */
export const PARAMETERS: Readonly<Record<Mode, readonly Parameter[]>> = {
  closed: [{ name: "iterations", title: "Requests to each service", value: 20, least: 1, most: 1000 }],
  constant: [
    { name: "rate", title: "Requests a second", value: 20, least: 0.01, most: 10_000 },
    { name: "duration", title: "Seconds", value: 30, least: 1, most: 3600 },
  ],
  ramp: [
    { name: "start_rate", title: "Requests a second at first", value: 1, least: 0, most: 10_000 },
    { name: "end_rate", title: "Requests a second at the end", value: 100, least: 0.01, most: 10_000 },
    { name: "duration", title: "Seconds", value: 60, least: 1, most: 3600 },
  ],
  soak: [
    { name: "rate", title: "Requests a second", value: 2, least: 0.01, most: 10_000 },
    { name: "duration", title: "Seconds", value: 3600, least: 4, most: 86_400 },
  ],
  search: [
    { name: "start_rate", title: "Requests a second at first", value: 5, least: 0.01, most: 10_000 },
    { name: "max_rate", title: "Requests a second at most", value: 500, least: 0.01, most: 10_000 },
  ],
};

export const MODE_HINTS: Readonly<Record<Mode, string>> = {
  closed: "How long a request takes when nobody else is there.",
  constant: "Requests arrive at a rate, whether or not others were answered.",
  ramp: "The rate grows evenly: where do the services bend?",
  soak: "A low rate for a long time: does memory grow, do answers slow down?",
  search: "The highest rate at which 99 of 100 requests take at most 0.5 s.",
};

export interface Wish {
  readonly mode: Mode;
  readonly service: string;
  readonly values: Readonly<Record<string, number>>;
}

/** Return the body of `POST /load-test`. */
export function bodyOf({ mode, service, values }: Wish): Record<string, unknown> {
  const numbers = Object.fromEntries(
    PARAMETERS[mode].map((one) => [one.name, values[one.name] ?? one.value]),
  );
  return mode === "closed" ? { test_type: service, ...numbers } : { mode, test_type: service, ...numbers };
}

/** Return a command line that starts a load test at the gateway. */
export function commandOf(gateway: string, wish: Wish): string {
  const address = `${gateway.replace(/\/+$/, "")}/load-test`;
  const body = JSON.stringify(bodyOf(wish));
  return `curl -X POST ${address} \\\n  -H "Content-Type: application/json" \\\n  -d '${body}'`;
}
