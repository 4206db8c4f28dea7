"""Collapsed stacks: read, added up, cut and drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.errors import InvalidValue
from affectscope.observatory.flame import OTHER, add, heaviest, parse, tree, write

FRAMES = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs"), exclude_characters=";"
    ),
    min_size=1,
    max_size=8,
)
STACKS = st.dictionaries(
    st.lists(FRAMES, min_size=1, max_size=5).map(";".join), st.integers(1, 2**40)
)


class TestText:
    @given(STACKS)
    def test_what_is_written_reads_back(self, stacks):
        assert parse(write(stacks)) == stacks

    def test_equal_stacks_add_up_and_empty_lines_are_nothing(self):
        assert parse("a;b 1\n\n  \na;b 2\r\nc 3") == {"a;b": 3, "c": 3}

    def test_a_frame_may_hold_spaces(self):
        assert parse("main (app.py:1);do it (x.py) 12") == {"main (app.py:1);do it (x.py)": 12}

    @pytest.mark.parametrize(
        "line", ["a", "a b", "a -1", "a 1.5", "a ²", "a ٣", " 3", "a 1e9", "a " + "9" * 17, "a NaN"]
    )
    def test_a_line_without_a_whole_weight_is_named(self, line):
        with pytest.raises(InvalidValue, match="line 2") as caught:
            parse(f"fine 1\n{line}")
        assert caught.value.extra == {"field": "stacks"}

    def test_weights_stay_what_every_reader_of_json_can_hold(self):
        assert parse("a 9007199254740992\na 9007199254740992") == {"a": 2**53}


class TestHeaviest:
    @given(STACKS, st.integers(1, 10))
    def test_the_sum_stays_and_the_number_is_bounded(self, stacks, most):
        found = heaviest(stacks, most)

        assert len(found) <= most
        assert sum(found.values()) == sum(stacks.values())

    def test_the_light_ones_count_together(self):
        assert heaviest({"a": 5, "b": 1, "c": 9, "d": 2}, 3) == {"c": 9, "a": 5, OTHER: 3}

    def test_a_frame_that_is_called_other_keeps_its_weight(self):
        assert heaviest({OTHER: 7, "b": 1, "c": 2}, 2) == {OTHER: 10}


class TestTree:
    def test_weights_are_those_of_all_that_was_called_heaviest_first(self):
        found = tree({"a;b": 2, "a;c": 5, "a": 1, "d": 9})

        assert found["value"] == 17
        assert [(one["name"], one["value"]) for one in found["children"]] == [("d", 9), ("a", 8)]
        assert [one["name"] for one in found["children"][1]["children"]] == ["c", "b"]

    @given(STACKS)
    def test_children_never_weigh_more_than_their_parent(self, stacks):
        waiting = [tree(stacks)]
        assert waiting[0]["value"] == sum(stacks.values())
        while waiting:
            node = waiting.pop()
            assert sum(child["value"] for child in node["children"]) <= node["value"]
            waiting += node["children"]

    def test_a_stack_of_a_million_frames_has_an_end(self):
        node, depth = tree({";".join(["f"] * 1_000_000): 1}), 0
        while node["children"]:
            (node,) = node["children"]
            depth += 1
        assert depth == 301

    def test_nothing_is_a_tree_too(self):
        assert tree({}) == {"name": "all", "value": 0, "children": []}


def test_adding_changes_only_the_total():
    total, more = {"a": 1}, {"a": 2, "b": 3}
    add(total, more)

    assert (total, more) == ({"a": 3, "b": 3}, {"a": 2, "b": 3})
