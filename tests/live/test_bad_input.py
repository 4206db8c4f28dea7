"""Whatever comes in, the answer is a clean one, and the system lives on."""

from __future__ import annotations

import json

import pytest
from live_system import GATEWAY, PORTS, all_pass, wait_until

JSON = ("-H", "Content-Type: application/json")


def chat(document: object) -> tuple[str, ...]:
    return (*JSON, "-d", json.dumps(document))


REFUSED = {
    "empty video": ("/analyze-video", ["-F", "video_file=@empty"], 422, "empty-input"),
    "noise as video": ("/analyze-video", ["-F", "video_file=@noise.mp4"], None, None),
    "cut video": ("/analyze-video", ["-F", "video_file=@cut.mp4"], 422, "undecodable-media"),
    "text as video": ("/analyze-video", ["-F", "video_file=@text.txt"], 415, None),
    "playlist as video": ("/analyze-video", ["-F", "video_file=@list.m3u8"], None, None),
    "sound as video": ("/analyze-video", ["-F", "video_file=@your_audio.wav"], None, None),
    "wrong field": ("/analyze-video", ["-F", "file=@video.mp4"], 422, "missing-field"),
    "no form": ("/analyze-video", ["-d", "x=1"], 415, "unsupported-media-type"),
    "a form without an end": (
        "/analyze-video",
        ["-H", "Content-Type: multipart/form-data; boundary=x", "-d", "--x\r\nbroken"],
        400,
        "malformed-request",
    ),
    "bad rate": ("/analyze-video?fps=0", ["-F", "video_file=@video.mp4"], 422, "invalid-value"),
    "rate that is no number": (
        "/analyze-video?fps=nan",
        ["-F", "video_file=@video.mp4"],
        422,
        "invalid-value",
    ),
    "empty sound": ("/analyze-speech", ["-F", "audio_file=@empty"], 422, "empty-input"),
    "text as sound": ("/analyze-speech", ["-F", "audio_file=@text.txt"], 415, None),
    "playlist as sound": ("/analyze-speech", ["-F", "audio_file=@list.m3u8"], None, None),
    "a video without sound": ("/analyze-speech", ["-F", "audio_file=@black.mp4"], None, None),
    "no JSON": ("/analyze-chat", [*JSON, "-d", "{"], 400, "malformed-request"),
    "deep JSON": ("/analyze-chat", [*JSON, "-d", "[" * 100_000], 400, "malformed-request"),
    "no body": ("/analyze-chat", [*JSON, "-d", ""], 422, "empty-input"),
    "not called JSON": ("/analyze-chat", ["-d", "{}"], 415, "unsupported-media-type"),
    "NaN": (
        "/analyze-chat",
        [*JSON, "-d", '{"messages": [{"text": "a", "time": NaN}]}'],
        422,
        "invalid-value",
    ),
    "no message": ("/analyze-chat", chat({"messages": []}), 422, "empty-input"),
    "neither": ("/analyze-chat", chat({}), 422, "missing-field"),
    "a message that is a number": ("/analyze-chat", chat({"text": 5}), 422, "invalid-value"),
    "unknown instrument": (
        "/analyze-survey",
        chat({"instrument": "phq-99", "answers": []}),
        422,
        "invalid-value",
    ),
    "answer out of range": (
        "/analyze-survey",
        chat({"instrument": "phq-9", "answers": [9] * 9}),
        422,
        "invalid-value",
    ),
    "too few answers": (
        "/analyze-survey",
        chat({"instrument": "phq-9", "answers": [1]}),
        422,
        "invalid-value",
    ),
    "nothing to analyse": ("/analyze", ["-F", "purpose=research"], 422, "missing-field"),
    "unknown purpose": (
        "/analyze",
        ["-F", "chat=<chat.json", "-F", "purpose=fun"],
        422,
        "invalid-value",
    ),
    "face at work": (
        "/analyze",
        ["-F", "video_file=@video.mp4", "-F", "purpose=workplace"],
        403,
        "purpose-refused",
    ),
    "voice at school": (
        "/analyze-speech?purpose=education",
        ["-F", "audio_file=@your_audio.wav"],
        403,
        "purpose-refused",
    ),
    "no justification": (
        "/analyze-chat?purpose=medical",
        chat({"text": "hello"}),
        422,
        "missing-field",
    ),
    "unknown load": ("/load-test", chat({"test_type": "face"}), 422, "invalid-value"),
    "too much load": ("/load-test", chat({"iterations": 1001}), 422, "invalid-value"),
    "a stranger's profile": (
        "/analyze-chat?profile=true",
        ["-H", "X-Forwarded-For: 1.2.3.4", *chat({"text": "a"})],
        403,
        "not-permitted",
    ),
    "a stranger's load": (
        "/load-test",
        ["-H", "Forwarded: for=1.2.3.4", *chat({})],
        403,
        "not-permitted",
    ),
    "forged trust": (
        "/analyze-chat?profile=true",
        ["-H", "X-Affectscope-Internal: x", *chat({"text": "a"})],
        403,
        "not-permitted",
    ),
    "unknown form of a profile": (
        "/analyze-chat?profile=true&profile_format=svg",
        chat({"text": "a"}),
        422,
        "invalid-value",
    ),
    "a page of another site": (
        "/analyze-chat",
        ["-H", "Origin: http://evil.example", *chat({"text": "a"})],
        403,
        "foreign-origin",
    ),
    "another host": (
        "/analyze-chat",
        ["-H", "Host: evil.example", *chat({"text": "a"})],
        421,
        "unknown-host",
    ),
    "no such address": ("/nothing", ["-d", "x"], 404, "not-found"),
    "no such method": ("/analyze-chat", ["-X", "DELETE"], 405, "method-not-allowed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_named(curl, case):
    path, arguments, status, slug = REFUSED[case]

    answer = curl(f"{GATEWAY}{path}", *arguments)

    assert 400 <= answer.status < 500
    assert status is None or answer.status == status
    found = answer.slug
    assert slug is None or found == slug


def test_too_many_and_too_long_messages(curl, inputs):
    (inputs / "many.json").write_text(json.dumps({"messages": [{"text": "a"}] * 10_001}))
    (inputs / "wide.json").write_text(json.dumps({"text": "a" * (64 * 1024 + 1)}))

    for name in ("many", "wide"):
        answer = curl(f"{GATEWAY}/analyze-chat", *JSON, "-d", f"@{name}.json")

        assert (answer.status, answer.slug) == (413, "payload-too-large")


@pytest.mark.parametrize(
    ("path", "arguments", "modality"),
    [
        ("/analyze-speech", ["-F", "audio_file=@silence.wav"], "voice"),
        ("/analyze-video", ["-F", "video_file=@black.mp4"], "face"),
        ("/analyze", ["-F", "video_file=@black.mp4"], "face"),
    ],
)
def test_input_without_evidence_is_fine(curl, path, arguments, modality):
    answer = curl(f"{GATEWAY}{path}", *arguments)

    found = answer.json
    assert answer.status == 200
    assert [one for track in found["session"]["tracks"] for one in track["segments"]] == []
    assert found["session"]["quality"][modality]
    assert found["warnings"]


def test_errors_are_counted_by_their_slug(curl):
    curl(f"{GATEWAY}/analyze-survey", *chat({"instrument": "x", "answers": []}))

    for port, prefix in ((PORTS["survey"], "survey"), (PORTS["integrated"], "integrated")):
        text = curl(f"localhost:{port}/metrics").body.decode()
        start = f'{prefix}_errors_total{{endpoint="/analyze-survey",error_type="invalid-value"}}'
        line = next(line for line in text.splitlines() if line.startswith(start))
        assert float(line.split()[-1]) >= 1


def test_the_system_lives_on():
    wait_until(all_pass, 10, "all services pass")
