"""What a live client says of its sound before it sends any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from affectscope.errors import AffectscopeError, InvalidValue
from affectscope.media.live_sound import LEAST_RATE, MOST_RATE, PackedSound, PlainSound
from affectscope.service import parse_object, purpose_of, read_options
from affectscope.speech.logmel import RATE

MODALITIES: Final = ("voice",)
FORMATS: Final = ("s16le", "webm")
_OPTIONS: Final = ("channels", "format", "rate", "transcribe")

PACKED_BYTES_A_SECOND: Final = 16_000
"""Of compressed sound, 128 kbit/s: what browsers record speech with, or more."""


@dataclass(frozen=True)
class Form:
    """The form of a client's sound, and what it wants of it.

    Attributes:
        format: `s16le` for bare samples, or `webm` for WebM or Ogg.
        rate: Samples a second of bare samples.
        transcribe: Whether words are wanted.
    """

    format: Literal["s16le", "webm"] = "s16le"
    rate: int = RATE
    transcribe: bool = True

    def sound(self) -> PlainSound | PackedSound:
        """Return what turns its messages into a signal."""
        return PackedSound(RATE) if self.format == "webm" else PlainSound(self.rate, RATE)

    @property
    def bytes_a_second(self) -> int:
        """How many bytes a second of sound has, about."""
        return PACKED_BYTES_A_SECOND if self.format == "webm" else 2 * self.rate


def read_form(text: str) -> Form:
    """Read the options of a client.

    Args:
        text: JSON; its members are all optional.

    Raises:
        PayloadTooLarge, MalformedRequest, InvalidValue, MissingField, PurposeRefused: As
            `read_options` and `purpose_of` say; a form that is not served.
    """
    options = read_options(text, _OPTIONS)
    purpose_of(options, MODALITIES)
    kind = options.get("format", "s16le")
    if kind not in FORMATS:
        raise _bad("format", kind, ", ".join(FORMATS))
    transcribe = options.get("transcribe", True)
    if not isinstance(transcribe, bool):
        raise _bad("transcribe", transcribe, "true, false")
    if kind != "s16le":
        for name in ("rate", "channels"):
            if name in options:
                raise _bad(name, options[name], f"none, for {kind} says it itself")
        return Form(format="webm", transcribe=transcribe)
    if (channels := options.get("channels", 1)) != 1 or isinstance(channels, bool):
        raise _bad("channels", channels, "1")
    rate = options.get("rate", RATE)
    if type(rate) is not int or not LEAST_RATE <= rate <= MOST_RATE:
        raise _bad("rate", rate, f"{LEAST_RATE} to {MOST_RATE} samples a second, a whole number")
    return Form(rate=rate, transcribe=transcribe)


def is_end(text: str) -> bool:
    """Tell whether a text message says that nothing more will come."""
    try:
        return parse_object(text) == {"type": "end"}
    except AffectscopeError:
        return False


def _bad(name: str, value: Any, valid: str) -> InvalidValue:
    return InvalidValue(f"{name} is {value!r:.40}; valid: {valid}", field=name)
