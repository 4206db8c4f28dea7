"""Who is told of what, and when again."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from affectscope.observatory.alerts.center import AlertCenter
from affectscope.observatory.alerts.messages import Message
from affectscope.observatory.alerts.objectives import ObjectiveQueries
from affectscope.observatory.alerts.silences import Silence
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import Definitions, load
from tests.observatory.alerts.alert_parts import BEGIN, Answers, Clock, brief, down


class Kept:
    """A channel that keeps what it gets."""

    name = "kept"

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)


class TestWhoIsTold:
    def test_once_then_again_after_a_while_then_that_it_is_over(
        self, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        answers.found["down"] = down("video", "chat")
        told = []
        for seconds in (40, 50, 3700, 3710):
            clock.now = BEGIN + seconds
            told.append(brief(center.evaluate()))
        answers.found["down"] = []
        clock.now = BEGIN + 3720
        told.append(brief(center.evaluate()))

        both = [("chat", 1, 0), ("video", 1, 0)]
        assert told == [both, [], both, [], [("chat", 0, 1), ("video", 0, 1)]]

    def test_what_is_taken_on_is_not_repeated_but_its_end_is_told(
        self, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        answers.found["down"] = down("chat")
        clock.now = BEGIN + 40
        (message,) = center.evaluate()
        center.acknowledge(message.firing[0].fingerprint, "Ada", "")

        clock.now = BEGIN + 9000
        assert center.evaluate() == []
        answers.found["down"] = []
        clock.now = BEGIN + 9001
        assert brief(center.evaluate()) == [("chat", 0, 1)]

    def test_what_is_silent_is_told_when_the_silence_ends(
        self, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        silence = Silence(0, {"service": "re:ch.*"}, BEGIN, BEGIN + 100, "Ada", "")
        center.store.add_silence(silence).result()
        answers.found["down"] = down("chat", "video")
        clock.now = BEGIN + 40
        assert brief(center.evaluate()) == [("video", 1, 0)]
        clock.now = BEGIN + 101
        assert brief(center.evaluate()) == [("chat", 1, 0)]

    def test_nobody_hears_of_the_end_of_what_nobody_heard_of(
        self, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        silence = Silence(0, {"service": "chat"}, BEGIN, BEGIN + 100, "Ada", "")
        center.store.add_silence(silence).result()
        answers.found["down"] = down("chat")
        clock.now = BEGIN + 40
        center.evaluate()
        answers.found["down"] = []
        clock.now = BEGIN + 200

        assert center.evaluate() == []

    @pytest.mark.anyio
    async def test_it_goes_on_when_an_evaluation_fails(
        self, definitions: Definitions, answers: Answers, database: Database
    ) -> None:
        kept = Kept()
        clock = Clock()
        calls = 0

        def failing() -> float:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise OSError("no clock")
            return clock()

        answers.found["down"] = down("chat")
        center = AlertCenter(definitions, answers, database, [kept], interval=0.01, clock=failing)
        task = asyncio.create_task(center.run())
        async with asyncio.timeout(5):
            while not (kept.messages and calls > 4):
                await asyncio.sleep(0.005)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        assert brief(kept.messages) == [("chat", 1, 0)]
        await asyncio.to_thread(database.write(lambda connection: None).result)
        (stored,) = center.store.firing()
        assert stored.notified == BEGIN

    def test_alerts_are_told_of_though_objectives_cannot_be_counted(
        self, answers: Answers, clock: Clock, database: Database
    ) -> None:
        center = AlertCenter(load(), answers, database, [], clock=clock)
        for rule in center.evaluator.statuses():
            if rule.rule.name == "ServiceDown":
                answers.found[rule.rule.expr] = down("chat")
        center.evaluate()
        broken = ObjectiveQueries(center.definitions, center.definitions.objectives[0])
        answers.found[broken.requests("5m")] = ValueError("broken")
        clock.now = BEGIN + 600

        assert brief(center.evaluate()) == [("chat", 1, 0)]
