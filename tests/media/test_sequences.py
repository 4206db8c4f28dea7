"""What lies in a folder or an archive of images, and what is refused of it."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.errors import UndecodableMedia, UnsupportedMedia
from affectscope.media import Limits, list_sequence
from affectscope.media.demux import Refusal
from affectscope.media.sequences import FolderImages, is_hidden, natural_key, open_images

LIMITS = asdict(Limits())


def pack(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


class TestOrder:
    """Numbers count by their value."""

    def test_numbers(self) -> None:
        names = ["f10.png", "f9.png", "f009.png", "f1.png", "F2.png", "f1b.png", "f1a2.png"]

        assert sorted(names, key=natural_key) == [
            "f1.png", "f1a2.png", "f1b.png", "F2.png", "f009.png", "f9.png", "f10.png",
        ]  # fmt: skip

    def test_folders_first(self) -> None:
        names = ["take2/1.png", "take10/0.png", "take2/01.png"]

        assert sorted(names, key=natural_key) == ["take2/01.png", "take2/1.png", "take10/0.png"]

    def test_numbers_of_any_length(self) -> None:
        long = "9" * 5000

        assert sorted([f"1{long}.png", f"{long}.png"], key=natural_key)[0] == f"{long}.png"

    @given(st.lists(st.text(alphabet="a0129é.²/", max_size=8), unique=True))
    def test_any_names_have_one_order(self, names: list[str]) -> None:
        ordered = sorted(names, key=natural_key)
        names.reverse()

        assert sorted(names, key=natural_key) == ordered

    @given(st.sets(st.integers(0, 10**9)))
    def test_as_integers(self, numbers: set[int]) -> None:
        names = sorted((f"frame{number}.png" for number in numbers), key=natural_key)

        assert names == [f"frame{number}.png" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("1.png", False),
        ("a/1.png", False),
        ("./1.png", False),
        (".DS_Store", True),
        ("__MACOSX/._1.png", True),
        ("a/.b/1.png", True),
    ],
)
def test_what_systems_leave_behind(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden


class TestFolder:
    """The images that lie directly in it."""

    def test_names(self, tmp_path: Path) -> None:
        for name in ("2.png", "10.JPG", "1.tif", "notes.txt", ".hidden.png"):
            (tmp_path / name).write_bytes(name.encode())
        (tmp_path / "3.png").mkdir()

        images = open_images(str(tmp_path), LIMITS)

        assert images.names == ["1.tif", "2.png", "10.JPG"]
        assert images.others == ["notes.txt"]
        assert [images.read(k) for k in range(3)] == [b"1.tif", b"2.png", b"10.JPG"]
        images.close()

    def test_an_image_that_has_gone(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(b"x")
        images = open_images(str(tmp_path), LIMITS)
        (tmp_path / "1.png").unlink()

        assert images.read(0) is None

    def test_one_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(Refusal, match="cannot be read: No such file"):
            FolderImages(str(tmp_path / "gone"), LIMITS)

    @pytest.mark.parametrize(
        ("limits", "named"),
        [(Limits(entries=2), "more than 2 files"), (Limits(image_bytes=3), "more than 3 bytes")],
    )
    def test_limits(self, tmp_path: Path, limits: Limits, named: str) -> None:
        for number in range(3):
            (tmp_path / f"{number}.png").write_bytes(b"four")

        with pytest.raises(Refusal, match=named):
            open_images(str(tmp_path), asdict(limits)).read(0)


class TestArchive:
    """The images of a ZIP, wherever they lie in it."""

    def test_names(self, tmp_path: Path) -> None:
        files = {
            "b/2.png": b"two",
            "b/10.png": b"ten",
            "readme.txt": b"",
            "__MACOSX/b/._2.png": b"",
        }
        images = open_images(str(pack(tmp_path / "a.zip", files)), LIMITS)

        assert images.names == ["b/2.png", "b/10.png"]
        assert images.others == ["readme.txt"]
        assert [images.read(0), images.read(1)] == [b"two", b"ten"]
        images.close()

    def test_names_that_lead_elsewhere_are_only_names(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"../../1.png": b"one", "/etc/2.png": b"two"})

        images = open_images(str(path), LIMITS)

        assert {images.read(0), images.read(1)} == {b"one", b"two"}
        assert sorted(tmp_path.iterdir()) == [path]

    def test_an_entry_without_a_name(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"1.png": b"one", "x": b""})
        data = bytearray(path.read_bytes())
        data[data.rindex(b"x\x50\x4b\x05\x06")] = 0  # names end at a zero
        path.write_bytes(data)

        images = open_images(str(path), LIMITS)

        assert (images.names, images.others) == (["1.png"], [])

    def test_damage_inside(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"1.png": b"one" * 50, "2.png": b"two"}, zipfile.ZIP_STORED)
        path.write_bytes(path.read_bytes().replace(b"oneone", b"eonone", 1))

        images = open_images(str(path), LIMITS)

        assert [images.read(0), images.read(1)] == [None, b"two"]

    def test_a_directory_that_lies_about_sizes(self, tmp_path: Path) -> None:
        """A bomb states little and unpacks to much: no more than stated is unpacked."""
        path = pack(tmp_path / "a.zip", {"1.png": bytes(50_000_000)})
        small, whole = (1000).to_bytes(4, "little"), (50_000_000).to_bytes(4, "little")
        path.write_bytes(path.read_bytes().replace(whole, small))

        assert open_images(str(path), LIMITS).read(0) is None

    @pytest.mark.parametrize(
        ("files", "limits", "named"),
        [
            ({"1.png": b"", "more.zip": b""}, Limits(), "another archive"),
            ({"1.png": b"", "a/more.tar.gz": b""}, Limits(), "another archive"),
            ({f"{k}.png": b"" for k in range(4)}, Limits(entries=3), "more than 3 files"),
            ({"1.png": bytes(99)}, Limits(image_bytes=98), "more than 98 bytes"),
            ({"1.png": bytes(60), "2.png": bytes(60)}, Limits(archive_bytes=100), "120 bytes"),
        ],
    )
    def test_limits(
        self, tmp_path: Path, files: dict[str, bytes], limits: Limits, named: str
    ) -> None:
        with pytest.raises(Refusal, match=named):
            open_images(str(pack(tmp_path / "a.zip", files)), asdict(limits))

    def test_other_ways_to_pack(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"1.png": b"one"}, zipfile.ZIP_LZMA)

        with pytest.raises(Refusal, match="store and deflate"):
            open_images(str(path), LIMITS)

    def test_encrypted(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"1.png": b"one"})
        data = bytearray(path.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)

        with pytest.raises(Refusal, match="password"):
            open_images(str(path), LIMITS)

    @pytest.mark.parametrize("share", [0.3, 0.9])
    def test_cut_off(self, tmp_path: Path, share: float) -> None:
        path = pack(tmp_path / "a.zip", {f"{k}.png": bytes(100) for k in range(9)})
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

        with pytest.raises(Refusal, match="cut off"):
            open_images(str(path), LIMITS)


class TestListing:
    """Whoever sorts files sees what is in them."""

    def test_names(self, tmp_path: Path) -> None:
        path = pack(tmp_path / "a.zip", {"2.png": b"", "1.png": b"", "_chat.txt": b""})

        assert list_sequence(path) == (["1.png", "2.png"], ["_chat.txt"])

    def test_refusals_are_those_of_the_package(self, tmp_path: Path) -> None:
        broken = tmp_path / "a.zip"
        broken.write_bytes(b"PK\x03\x04")

        with pytest.raises(UndecodableMedia, match=r"a\.zip"):
            list_sequence(broken)
        with pytest.raises(UnsupportedMedia, match="another archive"):
            list_sequence(pack(tmp_path / "b.zip", {"1.png": b"", "b.rar": b""}))
