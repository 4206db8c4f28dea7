"""A model is fetched whole and as the hub states it, or not at all."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.errors import AffectscopeError, InvalidValue, ModelUnavailable, NotFound
from affectscope.models import hub as hub_module
from affectscope.models.added import MANIFEST, AddedModel, added, locked
from affectscope.models.hub import TRIES, Hub
from tests.models.hub_server import REVISION, FakeHub, serving

NAME = "whisper-tiny.en"
PATTERNS = ("config.json", "model.bin", "vocabulary.*")
MODEL = bytes(range(256)) * 400
CONFIG = b'{"lang_ids": []}'


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    files = {
        "config.json": CONFIG,
        "model.bin": MODEL,
        "vocabulary.txt": b"a\nb\n",
        "README.md": b"# not ours",
        "more/config.json": b"{}",
    }
    with serving(FakeHub(files=files, large={"model.bin"})) as one:
        yield one


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path / "models"))
    return tmp_path / "models"


def fetch(
    hub: FakeHub, pauses: list[float] | None = None, revision: str = "main", **given: object
) -> AddedModel:
    waited = pauses if pauses is not None else []
    with Hub(hub.address, pause=waited.append, timeout=5) as one:
        return one.fetch(
            hub.repository,
            NAME,
            PATTERNS,
            given.pop("check", lambda _: None),  # type: ignore[arg-type]
            revision=revision,
            **given,  # type: ignore[arg-type]
        )


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*")) if folder.exists() else []


class TestFetching:
    def test_the_files_of_the_model_lie_in_a_folder_of_its_name(
        self, hub: FakeHub, folder: Path
    ) -> None:
        model = fetch(hub)

        assert (folder / NAME / "model.bin").read_bytes() == MODEL
        assert visible(folder / NAME) == [
            MANIFEST,
            "config.json",
            "model.bin",
            "vocabulary.txt",
        ]
        assert added() == [model]
        assert [path.name for path in folder.iterdir()] == [NAME]

    def test_the_manifest_says_where_it_came_from_and_what_was_checked(
        self, hub: FakeHub, folder: Path
    ) -> None:
        fetch(hub)

        manifest = json.loads((folder / NAME / MANIFEST).read_text())
        digest = hashlib.sha256(MODEL).hexdigest()
        blob = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest()
        assert manifest["source"] == "Systran/faster-whisper-tiny.en"
        assert manifest["revision"] == REVISION
        assert manifest["license"] == "mit"
        stated = {one["file"]: (one["sha256"], one["stated"]) for one in manifest["files"]}
        assert stated["model.bin"] == (digest, f"sha256:{digest}")
        assert stated["config.json"] == (hashlib.sha256(CONFIG).hexdigest(), f"git:{blob}")

    def test_everything_is_asked_of_the_commit_that_was_listed(self, hub: FakeHub) -> None:
        fetch(hub)

        paths = [path for path, _ in hub.requests if "/resolve/" in path]
        assert {path.split("/resolve/")[1].split("/")[0] for path in paths} == {REVISION}

    def test_progress_goes_from_nothing_to_everything(self, hub: FakeHub) -> None:
        told: list[tuple[int, int]] = []
        fetch(hub, progress=lambda done, total: told.append((done, total)))

        total = len(MODEL) + len(CONFIG) + len(hub.files["vocabulary.txt"])
        assert {one for _, one in told} == {total}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[-1][0] == total

    def test_one_that_is_there_is_checked_instead_of_fetched(
        self, hub: FakeHub, folder: Path
    ) -> None:
        first = fetch(hub)
        asked = len(hub.requests)

        assert fetch(hub) == first
        assert len(hub.requests) == asked + 1
        (folder / NAME / "config.json").write_bytes(b'{"lang_ids":[7]}')
        with pytest.raises(ModelUnavailable, match="models remove"):
            fetch(hub)

    def test_another_commit_does_not_replace_it_by_itself(self, hub: FakeHub) -> None:
        fetch(hub)
        hub.revision = "f" * 40

        with pytest.raises(InvalidValue, match="there already"):
            fetch(hub)

    def test_a_commit_can_be_asked_for(self, hub: FakeHub) -> None:
        assert fetch(hub, revision=REVISION).revision == REVISION

    def test_the_variable_of_the_hub_names_a_mirror(
        self, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", hub.address + "/")
        with Hub() as one:
            model = one.fetch(hub.repository, NAME, PATTERNS, lambda _: None)

        assert model.revision == REVISION


class TestBrokenOff:
    """A connection that ends is taken up again where it ended."""

    def test_the_rest_alone_is_fetched(self, hub: FakeHub) -> None:
        hub.cut_after["model.bin"] = [1000, 50_000]
        pauses: list[float] = []
        fetch(hub, pauses)

        ranges = [part for path, part in hub.requests if path == "/cdn/model.bin"]
        assert ranges == [None, "bytes=1000-", "bytes=51000-"]
        assert len(pauses) == 2

    def test_a_later_command_goes_on(self, hub: FakeHub, folder: Path) -> None:
        hub.cut_after["model.bin"] = [1000] + [0] * TRIES
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            fetch(hub)
        assert visible(folder) == []
        assert added() == []
        hub.cut_after.clear()
        hub.requests.clear()

        fetch(hub)

        assert [part for path, part in hub.requests if path == "/cdn/model.bin"] == ["bytes=1000-"]
        assert [path.name for path in folder.iterdir()] == [NAME]

    def test_what_is_left_of_another_commit_is_thrown_away(
        self, hub: FakeHub, folder: Path
    ) -> None:
        hub.cut_after["model.bin"] = [1000] + [0] * TRIES
        with pytest.raises(ModelUnavailable):
            fetch(hub)
        hub.cut_after.clear()
        hub.revision = "e" * 40

        fetch(hub)

        assert [path.name for path in folder.iterdir()] == [NAME]

    def test_a_server_without_ranges_is_asked_for_everything(self, hub: FakeHub) -> None:
        hub.cut_after["model.bin"] = [1000]
        hub.ranges = False

        assert fetch(hub).files[-1].sha256 == hashlib.sha256(MODEL).hexdigest()

    def test_a_part_that_begins_elsewhere_is_not_taken(self, hub: FakeHub) -> None:
        hub.cut_after["model.bin"] = [1000]
        hub.shift = 7

        assert fetch(hub).files[-1].sha256 == hashlib.sha256(MODEL).hexdigest()

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_busy_server_is_asked_again(self, hub: FakeHub, status: int) -> None:
        hub.statuses["/cdn/model.bin"] = [status, status]
        hub.statuses[f"/api/models/{hub.repository}/revision/main"] = [status]
        pauses: list[float] = []
        fetch(hub, pauses)

        assert len(pauses) == 3


class TestRefused:
    """Whatever else comes leaves nothing behind that looks whole."""

    @pytest.mark.parametrize("name", ["model.bin", "config.json"])
    def test_other_bytes_than_stated(self, hub: FakeHub, name: str, folder: Path) -> None:
        hub.altered[name] = hub.files[name][::-1]
        with pytest.raises(ModelUnavailable, match=rf"{name} is not what the hub states"):
            fetch(hub)
        assert visible(folder) == []

        hub.altered.clear()
        assert fetch(hub).name == NAME

    def test_more_bytes_than_stated(self, hub: FakeHub, folder: Path) -> None:
        hub.altered["model.bin"] = MODEL * 30
        with pytest.raises(ModelUnavailable, match=r"more of model\.bin than the 102400 bytes"):
            fetch(hub)
        assert list(folder.rglob("model.bin")) == []

    def test_fewer_bytes_than_stated(self, hub: FakeHub, folder: Path) -> None:
        hub.altered["model.bin"] = MODEL[:500]
        hub.ranges = False
        with pytest.raises(ModelUnavailable, match="ended after 500 bytes"):
            fetch(hub)
        assert visible(folder) == []

    def test_a_file_that_is_gone(self, hub: FakeHub, folder: Path) -> None:
        hub.statuses["/cdn/model.bin"] = [404]
        with pytest.raises(ModelUnavailable, match=r"answers 404 for model\.bin"):
            fetch(hub)
        assert visible(folder) == []

    def test_files_that_are_no_such_model(self, hub: FakeHub, folder: Path) -> None:
        def check(_: Path) -> None:
            raise ModelUnavailable("no Whisper model")

        with pytest.raises(ModelUnavailable, match="no Whisper model"):
            fetch(hub, check=check)
        assert list(folder.iterdir()) == []

    def test_no_such_repository(self, hub: FakeHub) -> None:
        hub.files.clear()
        with Hub(hub.address) as one, pytest.raises(NotFound, match="'Nobody/nothing'"):
            one.fetch("Nobody/nothing", NAME, PATTERNS, lambda _: None)

    def test_no_such_revision(self, hub: FakeHub) -> None:
        with pytest.raises(NotFound, match="revision 'v9'"):
            fetch(hub, revision="v9")

    def test_a_repository_without_a_model(self, hub: FakeHub) -> None:
        hub.files = {"README.md": b"x"}
        with pytest.raises(ModelUnavailable, match=r"holds none of config\.json"):
            fetch(hub)

    def test_no_network(self, folder: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with Hub(address) as one, pytest.raises(ModelUnavailable) as caught:
                one.fetch("Systran/x", NAME, PATTERNS, lambda _: None)

        assert "cannot be reached" in caught.value.detail
        assert "affectscope models add FOLDER" in caught.value.detail
        assert visible(folder) == []

    @pytest.mark.parametrize(
        ("listing", "named"),
        [
            (b"<html>", "is not the hub"),
            ({"sha": "main", "siblings": []}, "is not the hub"),
            (
                {"sha": REVISION, "siblings": [{"rfilename": "model.bin", "size": 3}]},
                "no size or digest for model.bin",
            ),
            (
                {"sha": REVISION, "siblings": [{"rfilename": "vocabulary.\\x", "size": 3}]},
                "no size or digest",
            ),
            (
                {
                    "sha": REVISION,
                    "siblings": [
                        {"rfilename": "vocabulary.\\x", "size": 3, "blobId": "0" * 40},
                    ],
                },
                "is no name for a file",
            ),
        ],
    )
    def test_what_is_no_listing(self, hub: FakeHub, listing: object, named: str) -> None:
        hub.listing = listing  # type: ignore[assignment]
        with pytest.raises(ModelUnavailable, match=named):
            fetch(hub)

    def test_a_hub_that_fails(self, hub: FakeHub) -> None:
        hub.statuses[f"/api/models/{hub.repository}/revision/main"] = [500] * 9
        with pytest.raises(ModelUnavailable, match="answers 500"):
            fetch(hub)

    def test_a_full_disk(self, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
        # What lies beyond any disk is asked for, rather than a full disk invented.
        monkeypatch.setattr(hub_module, "SPARE_BYTES", 2**60)
        with pytest.raises(InvalidValue, match="AFFECTSCOPE_MODELS_FOLDER names another"):
            fetch(hub)

    def test_two_at_once(self, hub: FakeHub) -> None:
        with locked(), pytest.raises(AffectscopeError, match="at the moment"):
            fetch(hub)
