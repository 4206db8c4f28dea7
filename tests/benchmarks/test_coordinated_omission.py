"""The numbers of docs/load-tests.md come out again: raw times miss a stall, corrected ones do not."""

from __future__ import annotations

from benchmarks.coordinated_omission import run

SECONDS = 5.0
STALL = SECONDS / 10


def test_who_waits_for_the_server_does_not_see_it_stand_still() -> None:
    found = run(SECONDS)

    assert set(found) == {"closed", "one place", "many places"}
    for kind in ("closed", "one place"):
        assert found[kind]["raw"]["max_seconds"] > STALL * 0.7
        assert found[kind]["raw"]["p99_seconds"] < STALL * 0.7
    for kind in ("one place", "many places"):
        assert found[kind]["corrected"]["p99_seconds"] > STALL * 0.7
        assert found[kind]["corrected"]["p95_seconds"] > STALL * 0.3
