"""The purpose that a session declares, and what it forbids.

Regulation (EU) 2024/1689 (AI Act), Article 5(1)(f), prohibits inferring emotions from biometric
data at work and in education except for medical or safety reasons. Face and voice are biometric
data; text and questionnaires are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast, get_args

from affectscope.errors import InvalidValue, MissingField, PurposeRefused

Purpose = Literal[
    "unspecified", "research", "support", "workplace", "education", "medical", "safety"
]

PURPOSES: tuple[str, ...] = get_args(Purpose)
_BIOMETRIC = ("face", "voice")
_FORBIDS_BIOMETRIC = ("workplace", "education")
_NEEDS_JUSTIFICATION = ("medical", "safety")


def check_purpose(purpose: str, justification: str | None, modalities: Iterable[str]) -> Purpose:
    """Let a purpose through, or refuse with the reason.

    Args:
        purpose: One of `PURPOSES`.
        justification: Why the exception applies; needed for ``medical`` and ``safety``, recorded
            with the session.
        modalities: What is to be analysed, of ``face``, ``voice``, ``text``, ``survey``.

    Returns:
        The purpose, now known to be valid.

    Raises:
        InvalidValue: No such purpose.
        MissingField: The purpose needs a justification.
        PurposeRefused: ``workplace`` or ``education`` together with face or voice.
    """
    if purpose not in PURPOSES:
        raise InvalidValue(
            f"unknown purpose {purpose!r}; valid: {', '.join(PURPOSES)}", field="purpose"
        )
    biometric = [modality for modality in _BIOMETRIC if modality in set(modalities)]
    if purpose in _FORBIDS_BIOMETRIC and biometric:
        raise PurposeRefused(
            f"purpose {purpose!r} refuses {' and '.join(biometric)}: inferring emotions from "
            f"biometric data at work "
            "or in education is prohibited by Article 5(1)(f) of the EU AI Act; text and "
            "surveys remain possible",
            purpose=purpose,
            modalities=biometric,
        )
    if purpose in _NEEDS_JUSTIFICATION and not (justification or "").strip():
        raise MissingField(
            f"purpose {purpose!r} needs a justification, which is recorded with the session",
            field="justification",
        )
    return cast(Purpose, purpose)
