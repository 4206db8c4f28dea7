import { describe, expect, it } from "vitest";

import { addressOf, parseAddress } from "./address";

describe("an address", () => {
  it("has a path and parameters", () => {
    expect(parseAddress("#/traces?service=chat&query=a%20b")).toEqual({
      path: "/traces",
      parameters: { service: "chat", query: "a b" },
    });
  });

  it("is the overview where it is empty", () => {
    for (const hash of ["", "#", "#/", "#//"]) expect(parseAddress(hash).path).toBe("/");
  });

  it("leaves out what is not given", () => {
    const parameters = { service: undefined, query: "", level: null, errors: false, start: 0 };
    expect(addressOf("/logs", parameters)).toBe("#/logs?errors=false&start=0");
  });

  it("comes back as it was, whatever stands in it", () => {
    const parameters = { query: 'a&b=c#d?"é%20' };
    expect(parseAddress(addressOf("/logs", parameters)).parameters).toEqual(parameters);
  });
});
