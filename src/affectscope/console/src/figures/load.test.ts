import { describe, expect, it } from "vitest";

import { changeText, errorsOf, nines } from "./load";
import { bodyOf, commandOf } from "./load-command";

describe("figures of load tests", () => {
  it("count what was never sent among the failed", () => {
    expect(errorsOf({ errors: { overloaded: 2, "backend-timeout": 1 }, unsent: 4 })).toBe(7);
    expect(errorsOf({ errors: null, unsent: null })).toBe(0);
  });

  it("say how much a ratio changes", () => {
    expect([1.12, 0.955, 1.0001, 2.5, null].map(changeText)).toEqual([
      "+12 %",
      "−4.5 %",
      "same",
      "2.5 ×",
      "–",
    ]);
  });

  it("give each further nine the same room", () => {
    expect([0, 90, 99, 99.9].map((percentile) => Math.round(nines(percentile) * 1000) / 1000)).toEqual([
      0, 1, 2, 3,
    ]);
    expect(Number.isFinite(nines(100))).toBe(true);
  });
});

describe("the command of a load test", () => {
  it("asks as the contract does where requests are sent one at a time", () => {
    expect(bodyOf({ mode: "closed", service: "all", values: { iterations: 5 } })).toEqual({
      test_type: "all",
      iterations: 5,
    });
  });

  it("names the mode, the service and all numbers otherwise", () => {
    const wish = { mode: "ramp", service: "chat", values: { end_rate: 80 } } as const;

    expect(commandOf("http://localhost:9000/", wish)).toBe(
      'curl -X POST http://localhost:9000/load-test \\\n  -H "Content-Type: application/json" \\\n' +
        '  -d \'{"mode":"ramp","test_type":"chat","start_rate":1,"end_rate":80,"duration":60}\'',
    );
  });
});
