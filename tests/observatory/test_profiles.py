"""Profiles in the store: found again, added up by the hour, and never too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.observatory import profiles
from affectscope.observatory.database import Database
from affectscope.observatory.flame import MOST_STACKS, OTHER, Stacks
from affectscope.observatory.profiles import HOUR, Kind, Profile, ProfileQuery, ProfileStore

MIDNIGHT = 1_760_054_400.0
"""A whole hour."""

TRACE = "ab" * 16


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "telemetry.db", (profiles.SCHEMA,))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> ProfileStore:
    return ProfileStore(database, most=100)


def profile(
    start: float = MIDNIGHT,
    stacks: Stacks | None = None,
    *,
    service: str = "chat",
    kind: Kind = "sampled",
    trace_id: str | None = None,
) -> Profile:
    unit = "microseconds" if kind == "request" else "samples"
    weights = {"main;work": 1} if stacks is None else stacks
    return Profile(service, kind, start, 60.0, trace_id, None, unit, weights)


class TestFind:
    def test_a_profile_comes_back_as_it_came(self, store):
        number = store.add(
            profile(stacks={"größe;👩‍🚀 x": 3, "a": 2}, kind="request", trace_id=TRACE)
        ).result()
        found = store.get(number)

        assert found is not None
        assert found["stacks"] == "größe;👩‍🚀 x 3\na 2\n"
        assert (found["trace_id"], found["total"], found["unit"]) == (TRACE, 5, "microseconds")
        assert [child["name"] for child in found["tree"]["children"]] == ["größe", "a"]

    def test_one_that_is_not_there_is_none(self, store):
        assert store.get(1) is None
        assert store.get(2**63 - 1) is None

    def test_newest_first_by_each_of_their_marks(self, store):
        for service, kind, start, trace in (
            ("chat", "sampled", 0, None),
            ("chat", "stall", 60, None),
            ("video", "request", 120, TRACE),
        ):
            store.add(
                profile(MIDNIGHT + start, service=service, kind=kind, trace_id=trace)
            ).result()

        def starts(**query) -> list[float]:
            return [one["start"] - MIDNIGHT for one in store.find(ProfileQuery(**query))]

        assert starts() == [120, 60, 0]
        assert starts(service="chat") == [60, 0]
        assert starts(kind="stall") == [60]
        assert starts(trace_id=TRACE) == [120]
        assert starts(start=MIDNIGHT + 60, end=MIDNIGHT + 120) == [60]
        assert starts(limit=1) == [120]


class TestMerged:
    def test_an_hour_is_one_row_and_its_edges_are_single_profiles(self, store, database):
        for minute in range(180):
            store.add(profile(MIDNIGHT + 60 * minute, {f"h{minute // 60}": 1})).result()

        whole = store.merged("chat", MIDNIGHT, MIDNIGHT + 3 * HOUR)
        part = store.merged("chat", MIDNIGHT + HOUR / 2, MIDNIGHT + 2 * HOUR + 600)

        # Of 180 single profiles only 100 are kept; the hours know of all.
        assert whole == {"h0": 60, "h1": 60, "h2": 60}
        assert part == {"h1": 60, "h2": 10}
        with database.read() as connection:
            assert connection.execute("SELECT count(*) FROM profile_hour").fetchone() == (3,)

    def test_less_than_an_hour_has_no_whole_one(self, store):
        for minute in range(10):
            store.add(profile(MIDNIGHT + 60 * minute)).result()

        assert store.merged("chat", MIDNIGHT + 60, MIDNIGHT + 240) == {"main;work": 3}
        assert store.merged("chat", MIDNIGHT + 240, MIDNIGHT + 60) == {}

    def test_only_what_the_sampler_saw_of_that_service_counts(self, store):
        store.add(profile(stacks={"a": 1})).result()
        store.add(profile(stacks={"b": 1}, kind="stall")).result()
        store.add(profile(stacks={"c": 1}, kind="request", trace_id=TRACE)).result()
        store.add(profile(stacks={"d": 1}, service="video")).result()

        assert store.merged("chat", MIDNIGHT, MIDNIGHT + HOUR) == {"a": 1}

    def test_an_hour_of_ever_new_stacks_stays_bounded(self, store):
        for part in range(5):
            stacks = {f"f{part}-{number}": 1 for number in range(1_000)} | {"main": 50}
            store.add(profile(MIDNIGHT + part, stacks)).result()
        found = store.merged("chat", MIDNIGHT, MIDNIGHT + HOUR)

        assert 900 < len(found) <= 1_000
        assert found["main"] == 250
        assert sum(found.values()) == 5_250
        assert found[OTHER] > 4_000


class TestLimits:
    def test_the_oldest_of_one_kind_give_way_and_no_others(self, store):
        store.add(profile(MIDNIGHT - 9, kind="stall")).result()
        for second in range(120):
            store.add(profile(MIDNIGHT + second)).result()

        kept = store.find(ProfileQuery(limit=500))
        assert len(kept) == 101
        assert min(one["start"] for one in kept if one["kind"] == "sampled") == MIDNIGHT + 20

    def test_of_too_many_stacks_the_heaviest_are_kept(self, store):
        stacks = {f"f{number}": 1 for number in range(MOST_STACKS + 5)} | {"main": 9}
        found = store.get(store.add(profile(stacks=stacks)).result())

        assert found is not None
        assert found["stacks"].startswith("main 9\n")
        assert len(found["stacks"].splitlines()) == MOST_STACKS
        assert found["total"] == MOST_STACKS + 14

    def test_what_is_older_goes_whole_hours_as_well(self, store, database):
        for hour in range(4):
            store.add(profile(MIDNIGHT + hour * HOUR)).result()
        before = MIDNIGHT + 2 * HOUR + 1

        def delete(limit: int) -> int:
            return database.write(lambda c: store.delete_before(c, before, limit)).result()

        assert delete(2) == 2
        assert delete(100) == 3
        assert delete(100) == 0
        assert [one["start"] for one in store.find(ProfileQuery())] == [MIDNIGHT + 3 * HOUR]
        assert store.merged("chat", MIDNIGHT, MIDNIGHT + 4 * HOUR) == {"main;work": 2}
