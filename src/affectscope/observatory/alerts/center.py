"""Alerting put together: evaluates, decides who is told of what, and tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from affectscope.errors import NotFound
from affectscope.observatory.alerts.budgets import Budgets
from affectscope.observatory.alerts.messages import Message, group_of
from affectscope.observatory.alerts.notify import Channel, Notifier
from affectscope.observatory.alerts.objectives import rules
from affectscope.observatory.alerts.rules import Answers, RuleEvaluator
from affectscope.observatory.alerts.silences import Silence
from affectscope.observatory.alerts.store import Acknowledgement, ActiveAlert, AlertStore
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import Definitions
from affectscope.telemetry import get_logger

_log = get_logger()


class AlertCenter:
    """Evaluates the rules and the budgets, and sends what must be sent.

    Args:
        definitions: What is evaluated.
        engine: Answers PromQL.
        database: Has the tables of the alerts' `SCHEMA`.
        channels: Ways to tell people.
        interval: Seconds between two looks at what is due.
        repeat: Seconds after which an alert that goes on is sent again.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        definitions: Definitions,
        engine: Answers,
        database: Database,
        channels: Sequence[Channel] = (),
        interval: float = 5.0,
        repeat: float = 14_400.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.definitions = definitions
        self.store = AlertStore(database)
        self.budgets = Budgets(engine, definitions, database)
        self.evaluator = RuleEvaluator(engine, rules(definitions), self.store, clock())
        self.notifier = Notifier(channels, self._sent)
        self.clock = clock
        self._interval = interval
        self._repeat = repeat

    async def run(self) -> None:
        """Evaluate and send until cancelled; nothing that fails ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notifier.run())
            while True:
                try:
                    self.notifier.offer(await asyncio.to_thread(self.evaluate))
                except Exception:
                    _log.exception("alerts were not evaluated")
                await asyncio.sleep(self._interval)

    def evaluate(self) -> list[Message]:
        """Evaluate what is due; blocks.

        Returns:
            What must be sent now.
        """
        now = self.clock()
        ended = self.evaluator.evaluate(now)
        try:
            self.budgets.count(now)
        except Exception:
            # Alerts that have ended must be sent though budgets cannot be counted.
            _log.exception("objectives were not counted")
        return self._messages(ended, now)

    def silenced_by(self, alert: ActiveAlert, silences: Sequence[Silence], at: float) -> int | None:
        """Return the id of the silence that holds for an alert, or None."""
        found = (silence.id for silence in silences if silence.holds(alert.labels, at))
        return next(found, None)

    def acknowledge(self, fingerprint: str, by: str, note: str) -> Acknowledgement:
        """Take an alert on: it is not sent again until it ends; blocks.

        Raises:
            NotFound: No such alert is pending or firing.
        """
        taken = Acknowledgement(by, self.clock(), note)
        if not self.evaluator.acknowledge(fingerprint, taken):
            raise NotFound(f"no alert {fingerprint!r:.60} is pending or firing")
        return taken

    def _messages(self, ended: Sequence[ActiveAlert], now: float) -> list[Message]:
        firing = [alert for alert in self.evaluator.alerts() if alert.state == "firing"]
        resolved = [alert for alert in ended if alert.notified is not None]
        if not firing and not resolved:
            return []
        silences = self.store.silences()
        loud = [alert for alert in firing if self.silenced_by(alert, silences, now) is None]
        resolved = [alert for alert in resolved if self.silenced_by(alert, silences, now) is None]
        groups = {tuple(group_of(a).items()) for a in resolved}
        groups |= {tuple(group_of(a).items()) for a in loud if self._is_due(a, now)}
        messages = []
        for group in sorted(groups):
            together = tuple(alert for alert in loud if tuple(group_of(alert).items()) == group)
            over = tuple(alert for alert in resolved if tuple(group_of(alert).items()) == group)
            self.evaluator.notified((alert.fingerprint for alert in together), now)
            messages.append(Message(together, over, now))
        return messages

    def _is_due(self, alert: ActiveAlert, now: float) -> bool:
        if alert.notified is None or alert.notified > now:
            return alert.acknowledged is None
        return alert.acknowledged is None and now - alert.notified >= self._repeat

    def _sent(self, message: Message) -> None:
        # Kept only once somebody has it: after a crash it is sent again rather than not at all.
        self.store.notified((alert.fingerprint for alert in message.firing), message.at)
