import { describe, expect, it } from "vitest";

import { exactly, matchersOf, matcherText } from "./matchers";

describe("matchers of a silence", () => {
  it("mark regular expressions and leave out what is not filled in", () => {
    const rows = [
      { label: " service ", value: "chat", pattern: false },
      { label: "alertname", value: "Latency.*", pattern: true },
      { label: "", value: "x", pattern: false },
      { label: "kind", value: " ", pattern: true },
    ];

    expect(matchersOf(rows)).toEqual({ service: "chat", alertname: "re:Latency.*" });
  });

  it("of an alert name each of its labels", () => {
    expect(matchersOf(exactly({ alertname: "ServiceDown", service: "chat" }))).toEqual({
      alertname: "ServiceDown",
      service: "chat",
    });
  });

  it("are read back as they were meant", () => {
    expect(matcherText("alertname", "re:Latency.*")).toBe("alertname ~ Latency.*");
    expect(matcherText("service", "chat")).toBe("service = chat");
  });
});
