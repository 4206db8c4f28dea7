"""Texts of many callers share runs, in the order of their arrival, and nobody waits for company."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.chat.batching import (
    MOST_TOKENS,
    Batcher,
    Outputs,
    Tokens,
    batches,
    length_class,
    padded,
)
from affectscope.errors import Unavailable


class Network:
    """Answers with the sum of each text's tokens, and notes what ran together."""

    def __init__(self) -> None:
        self.runs: list[list[Tokens]] = []
        self.open = threading.Event()
        self.open.set()
        self.started = threading.Semaphore(0)

    def run(self, rows: Sequence[Tokens]) -> Outputs:
        self.runs.append(list(rows))
        self.started.release()
        assert self.open.wait(20)
        if any(-1 in row for row in rows):
            raise ValueError("a bad text")
        sums = np.array([[sum(row)] for row in rows], np.float32)
        return sums, np.repeat(sums, 3, axis=1)


@contextmanager
def batcher(network: Network, threads: int = 1, most_tokens: int = 128) -> Iterator[Batcher]:
    made = Batcher(network.run, threads, most_tokens)
    try:
        yield made
    finally:
        network.open.set()
        made.close()


@contextmanager
def busy(network: Network, one: Batcher) -> Iterator[None]:
    """Let everything that is handed in wait for a first text, which runs meanwhile."""
    network.open.clear()
    first = one.submit([[1]])
    assert network.started.acquire(timeout=20)
    yield
    network.open.set()
    first.result()


class TestGroups:
    @given(st.lists(st.integers(1, 128), max_size=200))
    def test_each_text_runs_once_with_others_of_its_length(self, lengths: list[int]) -> None:
        found = batches(lengths)

        assert sorted(index for group in found for index in group) == list(range(len(lengths)))
        for group in found:
            (width,) = {length_class(lengths[index]) for index in group}
            assert len(group) == 1 or len(group) * width <= MOST_TOKENS

    @given(st.integers(1, 128))
    def test_padding_is_less_than_a_step(self, length: int) -> None:
        assert 0 <= length_class(length) - length < 8

    def test_the_mask_tells_tokens_from_padding(self) -> None:
        ids, mask = padded([[5, 6, 7], [8]])

        assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
        assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


class TestBatcher:
    def test_answers_come_in_the_order_of_the_texts(self) -> None:
        rows = [[i] * (1 + i % 40) for i in range(100)]
        network = Network()
        with batcher(network, threads=2) as one:
            logits, places = one.submit(rows).result()

        assert logits[:, 0].tolist() == [sum(row) for row in rows]
        assert places.shape == (100, 3)

    def test_what_waits_runs_together_across_callers(self) -> None:
        network = Network()
        with batcher(network) as one:
            with busy(network, one):
                pending = [one.submit([[2, 3]]), one.submit([[4, 5, 6]]), one.submit([[7]])]
            assert [entry.result()[0][0, 0] for entry in pending] == [5, 15, 7]

        assert network.runs == [[[1]], [[2, 3], [4, 5, 6], [7]]]

    def test_lengths_are_kept_apart_and_the_oldest_runs_first(self) -> None:
        network = Network()
        with batcher(network) as one:
            with busy(network, one):
                pending = [one.submit([[2] * 60]), one.submit([[3]]), one.submit([[4] * 58])]
            for entry in pending:
                entry.result()

        assert [len(run) for run in network.runs] == [1, 2, 1]
        assert network.runs[2] == [[3]]

    def test_a_run_stays_within_its_tokens(self) -> None:
        network = Network()
        with batcher(network, most_tokens=16) as one:
            with busy(network, one):
                pending = one.submit([[2] * 4] * 9 + [[3] * 100] * 2)
            pending.result()

        assert [len(run) for run in network.runs] == [1, 4, 4, 1, 1, 1]

    def test_where_texts_have_to_be_alone_they_are(self) -> None:
        network = Network()
        with batcher(network, most_tokens=1) as one:
            one.submit([[2], [3], [4]]).result()

        assert [len(run) for run in network.runs] == [1, 1, 1]

    def test_a_lone_text_does_not_wait_for_company(self) -> None:
        with batcher(Network()) as one:
            one.submit([[1]]).result()
            waits = []
            for _ in range(50):
                began = time.perf_counter()
                one.submit([[1]]).result()
                waits.append(time.perf_counter() - began)

        assert min(waits) < 0.005

    def test_many_callers_get_what_is_theirs(self) -> None:
        network = Network()
        with batcher(network, threads=3) as one, ThreadPoolExecutor(16) as pool:
            sums = list(
                pool.map(
                    lambda i: float(one.submit([[i] * (i % 9 + 1)]).result()[0][0, 0]), range(300)
                )
            )

        assert sums == [i * (i % 9 + 1) for i in range(300)]

    def test_nothing_to_judge_is_answered_at_once(self) -> None:
        with batcher(Network()) as one:
            assert len(one.submit([]).result()[0]) == 0


class TestFailure:
    def test_a_bad_text_fails_alone(self) -> None:
        network = Network()
        with batcher(network) as one:
            with busy(network, one):
                good, bad = one.submit([[2]]), one.submit([[-1], [4]])
            with pytest.raises(ValueError, match="a bad text"):
                bad.result()

            assert good.result()[0].tolist() == [[2]]
            assert one.submit([[5]]).result()[0].tolist() == [[5]]

    def test_what_was_given_up_does_not_run(self) -> None:
        network = Network()
        with batcher(network) as one:
            with busy(network, one):
                one.submit([[9]] * 50).cancel()
                kept = one.submit([[2]])
            kept.result()

        assert network.runs == [[[1]], [[2]]]

    def test_whoever_waits_when_it_closes_is_told(self) -> None:
        network = Network()
        one = Batcher(network.run, 1)
        network.open.clear()
        first = one.submit([[1]])
        assert network.started.acquire(timeout=20)
        second = one.submit([[2]])
        closing = threading.Thread(target=one.close)
        closing.start()
        while not one._closed:
            time.sleep(0.001)
        network.open.set()
        closing.join(20)

        assert first.result()[0].tolist() == [[1]]
        with pytest.raises(Unavailable):
            second.result()
        with pytest.raises(Unavailable):
            one.submit([[3]])


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has priorities of threads")
def test_what_is_long_stands_back_at_the_cores() -> None:
    found: list[int] = []

    def run(rows: Sequence[Tokens]) -> Outputs:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return np.zeros((len(rows), 1), np.float32), np.zeros((len(rows), 3), np.float32)

    before = os.getpriority(os.PRIO_PROCESS, 0)
    one = Batcher(run, 1, niceness=5)
    one.submit([[1]]).result()
    one.close()

    assert found == [min(19, before + 5)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
