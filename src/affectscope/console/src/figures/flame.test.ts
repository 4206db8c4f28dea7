import { describe, expect, it } from "vitest";

import type { FlameNode } from "../api/profiles";
import { frameName, functionsOf, layout, matchedShare, originOf } from "./flame";
import { boxAt, visibleDepth } from "./flame-drawing";

function node(name: string, value: number, ...children: FlameNode[]): FlameNode {
  return { name, value, children };
}

/** main calls work twice as long as wait; work calls itself. */
const TREE = node(
  "all",
  100,
  node("main", 90, node("work", 60, node("work", 40)), node("wait", 30)),
  node("other", 10),
);

describe("layout", () => {
  it("sets frames side by side below what called them", () => {
    const { boxes } = layout(TREE);
    const places = Object.fromEntries(boxes.map((box) => [`${box.node.name}@${box.depth}`, box.start]));

    expect(places).toEqual({ "all@0": 0, "main@1": 0, "other@1": 90, "work@2": 0, "wait@2": 60, "work@3": 0 });
  });

  it("leaves each frame what is its own", () => {
    const own = layout(TREE).boxes.reduce((sum, box) => sum + box.own, 0);

    expect(own).toBe(100);
  });
});

describe("functionsOf", () => {
  it("counts a function that calls itself once in its total", () => {
    const rows = functionsOf(layout(TREE).root);

    expect(rows[0]).toMatchObject({ name: "work", own: 60, total: 60 });
    expect(rows.find((row) => row.name === "main")).toMatchObject({ own: 0, total: 90 });
    expect(rows.some((row) => row.name === "all")).toBe(false);
  });
});

describe("matchedShare", () => {
  it("counts each stack once", () => {
    const { root } = layout(TREE);

    expect(matchedShare(root, "WORK")).toBeCloseTo(0.6);
    expect(matchedShare(root, "")).toBe(0);
    expect(matchedShare(root, "main")).toBeCloseTo(0.9);
  });
});

describe("frameName", () => {
  it.each([
    ["_records (/srv/src/affectscope/service/answers.py:180)", "_records", "affectscope/service/answers.py:180"],
    ["Typer.__call__ (typer/main.py)", "Typer.__call__", "typer/main.py"],
    ["/env/lib/python3.11/site-packages/uvicorn/server.py:86 run", "run", "uvicorn/server.py:86"],
    ["<frozen runpy>:88 _run_code", "_run_code", "<frozen runpy>:88"],
    ["<built-in method builtins.max>", "<built-in method builtins.max>", ""],
  ])("reads %s", (name, short, place) => {
    expect(frameName(name)).toEqual({ short, place });
  });
});

describe("originOf", () => {
  it.each([
    ["_records (/srv/src/affectscope/service/answers.py:180)", "own"],
    ["Service.run (affectscope/service/factory.py)", "own"],
    ["x (/srv/affectscope/.venv/lib/python3.11/site-packages/numpy/core.py:1)", "library"],
    ["Typer.__call__ (typer/main.py)", "library"],
    ["Thread.run (python3.11/threading.py)", "python"],
    ["wait (/usr/lib/python3.11/threading.py:320)", "python"],
    ["_run_code (<frozen runpy>)", "python"],
    ["<built-in method builtins.max>", "python"],
  ])("tells whose %s is", (name, origin) => {
    expect(originOf(name)).toBe(origin);
  });
});

describe("what is drawn", () => {
  it("finds the frame at a point, also where it is zoomed", () => {
    const { root } = layout(TREE);
    const main = root.children[0]!;

    expect(boxAt(root, 950, 20, 1000)?.node.name).toBe("other");
    expect(boxAt(root, 950, 60, 1000)).toBeNull();
    expect(boxAt(main, 700, 20, 900)?.node.name).toBe("wait");
  });

  it("has no rows for frames too narrow to be seen", () => {
    const { root } = layout(node("all", 1000, node("wide", 999), node("thin", 1, node("below", 1))));

    expect(visibleDepth(root, 100)).toBe(2);
  });
});
