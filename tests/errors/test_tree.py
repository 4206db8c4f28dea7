"""The tree of exceptions is whole, drawn, and each class is one problem."""

from __future__ import annotations

import json
import re

import pytest

import affectscope.errors as errors
from affectscope.errors import ALL, AffectscopeError, problem, slug_for_status


class TestTree:
    def test_every_class_is_exported_and_drawn_with_its_status_and_slug(self) -> None:
        drawn = re.findall(r"(\w+) +(\d{3}) ([a-z-]+)", errors.__doc__ or "")

        assert drawn == [(cls.__name__, str(cls.status), cls.slug) for cls in _as_drawn()]
        assert {cls.__name__ for cls in ALL} <= set(errors.__all__)

    def test_slugs_are_unique(self) -> None:
        slugs = [cls.slug for cls in ALL]

        assert len(slugs) == len(set(slugs))

    def test_requests_are_4xx_and_the_unavailable_5xx(self) -> None:
        for cls in ALL:
            if issubclass(cls, errors.RequestError):
                assert 400 <= cls.status < 500
            else:
                assert cls.status >= 500


def _as_drawn() -> list[type[AffectscopeError]]:
    names = re.findall(r"(\w+) +\d{3} [a-z-]+", errors.__doc__ or "")
    by_name = {cls.__name__: cls for cls in ALL}
    assert set(names) == set(by_name)
    return [by_name[name] for name in names]


class TestProblem:
    @pytest.mark.parametrize("cls", ALL)
    def test_each_class_makes_a_problem_document(self, cls: type[AffectscopeError]) -> None:
        document = problem(cls("value 9 is out of range; valid: 0 to 3", field="answers[2]"))

        assert document == {
            "type": f"urn:affectscope:problem:{cls.slug}",
            "title": cls.title,
            "status": cls.status,
            "detail": "value 9 is out of range; valid: 0 to 3",
            "field": "answers[2]",
        }
        assert json.loads(json.dumps(document)) == document

    def test_extra_members_never_replace_the_standard_ones(self) -> None:
        assert problem(AffectscopeError("broken", status=200))["status"] == 500

    def test_unavailable_says_when_to_come_back(self) -> None:
        assert errors.Overloaded("queue full", retry_after=2.5).retry_after == 2.5


class TestSlugForStatus:
    @pytest.mark.parametrize(
        ("status", "slug"),
        [
            (400, "malformed-request"),
            (404, "not-found"),
            (405, "method-not-allowed"),
            (408, "request-timeout"),
            (413, "payload-too-large"),
            (415, "unsupported-media-type"),
            (418, "request-error"),
            (422, "invalid-value"),
            (500, "internal"),
            (502, "internal"),
            (503, "unavailable"),
            (504, "backend-timeout"),
        ],
    )
    def test_names_the_best_class(self, status: int, slug: str) -> None:
        assert slug_for_status(status) == slug
