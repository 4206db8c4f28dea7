"""Stacks that are worked out of a call graph keep its totals."""

from __future__ import annotations

import cProfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.telemetry.call_graph import CallGraph, Stats

A, B, C, D = (("f.py", line, name) for line, name in enumerate("abcd"))


def test_a_chain_is_one_stack_for_each_function() -> None:
    stats: Stats = {
        A: (1, 1, 1.0, 6.0, {}),
        B: (1, 1, 2.0, 5.0, {A: (1, 1, 2.0, 5.0)}),
        C: (1, 1, 3.0, 3.0, {B: (1, 1, 3.0, 3.0)}),
    }

    assert dict(CallGraph(stats).stacks()) == {(A,): 1.0, (A, B): 2.0, (A, B, C): 3.0}


def test_a_shared_function_is_divided_by_the_time_of_its_edges() -> None:
    stats: Stats = {
        A: (1, 1, 0.0, 4.0, {}),
        B: (1, 1, 0.0, 3.0, {A: (1, 1, 0.0, 3.0)}),
        C: (1, 1, 0.0, 1.0, {A: (1, 1, 0.0, 1.0)}),
        D: (2, 2, 4.0, 4.0, {B: (1, 1, 3.0, 3.0), C: (1, 1, 1.0, 1.0)}),
    }

    assert dict(CallGraph(stats).stacks()) == {(A, B, D): 3.0, (A, C, D): 1.0}


def test_functions_that_only_call_one_another_begin_with_the_longest() -> None:
    stats: Stats = {
        A: (1, 1, 2.0, 2.0, {B: (1, 1, 2.0, 2.0)}),
        B: (1, 1, 3.0, 5.0, {A: (1, 1, 3.0, 5.0)}),
    }

    assert dict(CallGraph(stats).stacks()) == {(B,): 3.0, (B, A): 2.0}


def test_recursion_is_folded() -> None:
    stats: Stats = {
        A: (1, 1, 1.0, 4.0, {}),
        B: (1, 9, 3.0, 3.0, {A: (1, 1, 0.3, 3.0), B: (8, 8, 2.7, 2.7)}),
    }

    assert dict(CallGraph(stats).stacks()) == {(A,): 1.0, (A, B): 3.0}


def test_a_circle_ends() -> None:
    stats: Stats = {
        A: (1, 1, 1.0, 5.0, {}),
        B: (2, 2, 2.0, 4.0, {A: (1, 1, 1.0, 4.0), C: (1, 1, 1.0, 1.0)}),
        C: (1, 1, 2.0, 3.0, {B: (1, 1, 2.0, 3.0)}),
    }

    stacks = dict(CallGraph(stats).stacks())

    assert sum(stacks.values()) == pytest.approx(5.0)
    assert all(len(set(stack)) == len(stack) for stack in stacks)


def test_nothing_gives_nothing() -> None:
    assert list(CallGraph({}).stacks()) == []


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=4), max_leaves=25))
def test_real_call_trees_keep_their_total(tree: list[Any]) -> None:
    def even(node: list[Any]) -> int:
        return sum(range(50)) + sum([odd(child) for child in node])

    def odd(node: list[Any]) -> int:
        return sum(range(100)) + sum([even(child) for child in node])

    profiler = cProfile.Profile()
    profiler.runcall(even, tree)
    profiler.create_stats()
    stats: Stats = vars(profiler)["stats"]
    roots = sum(
        cumulative
        for function, (_, _, _, cumulative, callers) in stats.items()
        if not set(callers) - {function}
    )

    stacks = dict(CallGraph(stats).stacks())

    assert sum(stacks.values()) == pytest.approx(roots)
    assert all(seconds > 0 for seconds in stacks.values())
