"""The kind of a file, read from its first bytes and never from its name.

Only the demuxer that belongs to the signature is ever opened, so a playlist that is named like a
video cannot make the decoder read something else.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from affectscope.errors import EmptyInput, NotFound, UnsupportedMedia

HEAD = 4096
"""Bytes that are looked at."""

SEAMS = 8 * 1024 * 1024
"""Bytes of a JPEG that are searched for further ones behind it."""


@dataclass(frozen=True)
class Signature:
    """A kind of file.

    Attributes:
        format: Our name for it.
        demuxer: FFmpeg's; none for a sequence, whose pictures have one each.
        is_image: Whether it is a still image.
        is_sequence: Whether it is a folder or an archive of images.
    """

    format: str
    demuxer: str
    is_image: bool = False
    is_sequence: bool = False

    @property
    def noun(self) -> str:
        """What to call it in a message."""
        return self.format if self.format == "folder" else f"{self.format} file"


_MOV = "mov,mp4,m4a,3gp,3g2,mj2"
_BRANDS = {b"qt  ": "mov", b"M4A ": "m4a", b"M4V ": "m4v", b"3gp": "3gp", b"3g2": "3g2"}
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")

_PREFIXES: tuple[tuple[bytes, Signature], ...] = (
    (b"\x89PNG\r\n\x1a\n", Signature("png", "png_pipe", True)),
    (b"\xff\xd8\xff", Signature("jpeg", "jpeg_pipe", True)),
    (b"BM", Signature("bmp", "bmp_pipe", True)),
    (b"II*\x00", Signature("tiff", "tiff_pipe", True)),
    (b"MM\x00*", Signature("tiff", "tiff_pipe", True)),
    (b"GIF87a", Signature("gif", "gif")),
    (b"GIF89a", Signature("gif", "gif")),
    (b"fLaC", Signature("flac", "flac")),
    (b"OggS", Signature("ogg", "ogg")),
    (b"#!AMR", Signature("amr", "amr")),
    (b"FLV\x01", Signature("flv", "flv")),
    (b"caff", Signature("caf", "caf")),
    (b"RF64", Signature("wav", "wav")),
    (b"\x00\x00\x01\xba", Signature("mpeg", "mpeg")),
    (b"PK\x03\x04", Signature("zip", "", is_sequence=True)),
    (b"PK\x05\x06", Signature("zip", "", is_sequence=True)),
)
_RIFF = {
    b"WAVE": Signature("wav", "wav"),
    b"AVI ": Signature("avi", "avi"),
    b"WEBP": Signature("webp", "webp_pipe", True),
}
FORMATS: tuple[str, ...] = (
    "mp4", "mov", "m4v", "3gp", "3g2", "mkv", "webm", "avi", "flv", "mpeg", "mpegts", "mjpeg", "gif",
    "png", "jpeg", "webp", "bmp", "tiff", "avif",
    "wav", "flac", "mp3", "aac", "m4a", "ogg", "amr", "caf", "aiff",
    "zip",
)  # fmt: skip
"""Every kind of file that is read; a `zip` is one of images."""

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "an HLS playlist, which names other files"),
    (b"ffconcat", "a concat script, which names other files"),
    (b"[playlist]", "a playlist, which names other files"),
    (b";FFMETADATA", "an FFmpeg metadata file"),
    (b"v=0", "a session description, which names network addresses"),
    (b"<?xml", "an XML document"),
    (b"<MPD", "a DASH manifest, which names other files"),
    (b"<svg", "an SVG drawing"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file (ASF)"),
    (b"{", "JSON text"),
)


def identify(path: str | os.PathLike[str]) -> Signature:
    """Say what kind of media a file is; a folder counts as a sequence of images.

    Raises:
        NotFound: There is no such file.
        EmptyInput: It has no bytes.
        UnsupportedMedia: It is neither a regular file nor a folder, or none of `FORMATS`; names what
            was found.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {os.fspath(path)!r}") from error
    if stat.S_ISDIR(status.st_mode):
        return Signature("folder", "", is_sequence=True)
    if not stat.S_ISREG(status.st_mode):
        raise UnsupportedMedia("this is neither a regular file nor a folder, such as a device")
    if status.st_size == 0:
        raise EmptyInput("the file has no bytes")
    with open(path, "rb") as file:
        head = file.read(HEAD)
        if head.startswith(b"ID3") and len(head) > 10:
            # A tag may stand before MP3, AAC or FLAC; its length is four times seven bits.
            length = sum(
                (byte & 0x7F) << shift
                for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
            )
            file.seek(10 + length)
            head = file.read(HEAD)
            found = kind_of(head)
            return found if found and not found.is_image else Signature("mp3", "mp3")
        found = kind_of(head)
        if found is not None and found.format == "jpeg" and _is_motion(head + file.read(SEAMS)):
            return Signature("mjpeg", "mjpeg")
    if found is None:
        raise UnsupportedMedia(
            f"the file holds {_describe(head)}; valid: {', '.join(FORMATS)}", valid=list(FORMATS)
        )
    return found


def kind_of(head: bytes) -> Signature | None:
    """Return the kind that the first bytes, `HEAD` of them, show; None where it is none of ours."""
    if head[4:8] in _BOXES:
        return _iso_media(head)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return Signature("webm" if b"webm" in head[:64] else "mkv", "matroska,webm")
    if head[:4] == b"RIFF":
        return None if _is_animated_webp(head) else _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Signature("aiff", "aiff")
    for prefix, signature in _PREFIXES:
        if head.startswith(prefix):
            return signature
    for offset, step in ((0, 188), (4, 192)):
        if len(head) > offset + 2 * step and all(head[offset + k * step] == 0x47 for k in range(3)):
            return Signature("mpegts", "mpegts")
    return _mpeg_audio(head)


def _is_motion(data: bytes) -> bool:
    """Tell motion JPEG, one picture behind the other, from a photo with others of its own behind it.

    Those (a map of brightness, the other eye's view) are named in a segment ``MPF``.
    """
    return data.count(b"\xff\xd9\xff\xd8\xff") > 1 and b"MPF\0" not in data[:65536]


def _is_animated_webp(head: bytes) -> bool:
    """Tell by the flags of the extended header; FFmpeg decodes still pictures only."""
    return head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 0x02 != 0


def _iso_media(head: bytes) -> Signature | None:
    """Tell the members of the ISO base media family apart by their brand."""
    brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
    if brand in _HEIF:
        return None
    if brand in (b"avif", b"avis"):
        return Signature("avif", _MOV, True)
    return Signature(_BRANDS.get(brand) or _BRANDS.get(brand[:3]) or "mp4", _MOV)


def _mpeg_audio(head: bytes) -> Signature | None:
    """Recognise a bare frame header of MPEG audio or ADTS (ISO 11172-3 2.4.2.3, 13818-7 6.2)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Signature("aac", "aac")
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or bitrate in (0, 15) or rate == 3:
        return None
    return Signature("mp3", "mp3")


def _describe(head: bytes) -> str:
    """Name what a refused file holds, for the message."""
    if head[4:8] == b"ftyp":
        return "a HEIC picture (convert it to JPEG)"
    if head[:4] == b"RIFF" and _is_animated_webp(head):
        return "an animated WebP picture (convert it to GIF or MP4)"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for prefix, name in _REFUSED:
        if text.startswith(prefix):
            return name
    if b"\x00" not in head:
        try:
            head[: HEAD - 4].decode()
        except UnicodeDecodeError:
            pass
        else:
            return "plain text"
    return f"bytes of no known kind ({head[:8].hex(' ')} ...)"
