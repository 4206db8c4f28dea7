"""The page at `/`: where everything is, and how it is."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from affectscope.gateway.backends import BACKENDS, BackendName

_TEMPLATE = Path(__file__).with_name("index.html")

_SUMMARIES: dict[BackendName, str] = {
    "video": "Faces in a video or an image: where they are, and which emotion they resemble.",
    "speech": "A voice: what was said, and which emotion it resembles.",
    "chat": "Messages of a conversation, by who wrote them.",
    "survey": "PHQ-9, GAD-7 and WHO-5, scored by their published rules.",
}

_TRIES = {
    "Analyse a video, with its sound and its words": r"""
curl -X POST "http://localhost:9000/analyze" \
  -F "video_file=@interview.mp4" -F "purpose=research"
""",
    "Analyse a voice, and see where the time goes": r"""
curl -X POST "http://localhost:9000/analyze-speech?profile=true" \
  -F "audio_file=@your_audio.wav"
""",
    "Analyse text": r"""
curl -X POST http://localhost:9000/analyze-chat \
  -H "Content-Type: application/json" -d '{"text": "We did it!"}'
""",
    "Load every service with the shipped samples": r"""
curl -X POST http://localhost:9000/load-test \
  -H "Content-Type: application/json" -d '{"test_type": "all", "iterations": 5}'
""",
}


_INSTRUMENTS = (
    ("/docs", "Documents"),
    ("/health", "Health"),
    ("/metrics", "Metrics"),
    ("/profile-report", "Profile"),
)


def index_page(urls: Mapping[BackendName, str], observatory: str | None = None) -> str:
    """Return the page.

    Args:
        urls: Address of each service by name.
        observatory: Address of the observatory, where there is one.
    """
    cards = [
        _card(
            "integrated",
            "Integrated Backend",
            "This gateway: any mix of the four below in one request, aligned and fused.",
            "",
        )
    ]
    cards += [_card(one.name, one.title, _SUMMARIES[one.name], urls[one.name]) for one in BACKENDS]
    if observatory is not None:
        cards.append(_observatory_card(observatory))
    tries = [
        f"<figure class='try'><figcaption>{html.escape(title)}"
        f"<button type='button' data-copy aria-label='Copy: {html.escape(title)}'>Copy</button>"
        f"</figcaption><pre tabindex='0'>{html.escape(line.strip())}</pre></figure>"
        for title, line in _TRIES.items()
    ]
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace("{{cards}}", "\n".join(cards)).replace("{{tries}}", "\n".join(tries))


def _card(name: str, title: str, summary: str, url: str) -> str:
    front = "" if url else " front"
    return (
        f"<li class='card{front}'><h3>{title}<span class='badge' data-service='{name}'>"
        "<span class='dot' aria-hidden='true'></span><span>…</span></span></h3>"
        f"<p>{summary}</p>{_links(title, url, _INSTRUMENTS)}</li>"
    )


def _observatory_card(url: str) -> str:
    title = "Observatory"
    return (
        f"<li class='card front'><h3>{title}</h3><p>Health, traffic, errors and latency of all "
        "services, with their traces, logs, profiles, alerts and load tests.</p>"
        f"{_links(title, url, (('/', 'Console'), *_INSTRUMENTS))}</li>"
    )


def _links(title: str, url: str, links: Iterable[tuple[str, str]]) -> str:
    base = html.escape(url)
    found = (
        f"<a href='{base}{path}' aria-label='{title}: {text}'>{text}</a>" for path, text in links
    )
    return f"<nav aria-label='{title}'>{''.join(found)}</nav>"


def content_security_policy(page: str) -> str:
    """Return a policy that allows this page's own style and script, and nothing else.

    Args:
        page: The page; its `style` and `script` are allowed by their hashes.
    """

    def hashes(tag: str) -> str:
        found = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = (hashlib.sha256(one.encode()).digest() for one in found)
        return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)

    return (
        f"default-src 'none'; style-src {hashes('style')}; script-src {hashes('script')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
