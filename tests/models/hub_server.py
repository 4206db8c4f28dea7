"""A server that behaves as the Hugging Face hub does, on a real socket, with faults on demand."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """What the server holds, and what goes wrong with it.

    Attributes:
        files: Content by name.
        large: Names of the files that lie in Git LFS, and come from another address.
        altered: Content that is sent instead of the one that is stated.
        cut_after: Bytes after which the connection ends, by name; taken once for each entry.
        statuses: Statuses that are answered before any other, by path.
        ranges: Whether requests for a part are answered with a part.
        shift: Bytes by which an answered part begins too late.
        requests: Path and ``Range`` of every request.
    """

    address: str = ""
    repository: str = "Systran/faster-whisper-tiny.en"
    revision: str = REVISION
    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    altered: dict[str, bytes] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    listing: dict[str, Any] | bytes | None = None
    ranges: bool = True
    shift: int = 0
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return what the hub states about the repository, as its interface does."""
        siblings: list[dict[str, Any]] = []
        for name, data in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
            if name in self.large:
                entry["blobId"] = "f" * 40
                entry["lfs"] = {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "pointerSize": 134,
                }
            siblings.append(entry)
        return {
            "id": self.repository,
            "sha": self.revision,
            "cardData": {"license": "mit", "language": ["en"]},
            "siblings": siblings,
        }


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve a hub; sets its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            hub.requests.append((path, self.headers.get("Range")))
            if hub.statuses[path]:
                self._plain(hub.statuses[path].pop(0), b"not now")
            elif path == f"/api/models/{hub.repository}/revision/main" or path.endswith(
                f"/revision/{hub.revision}"
            ):
                listing = hub.describe() if hub.listing is None else hub.listing
                body = listing if isinstance(listing, bytes) else json.dumps(listing).encode()
                self._plain(200, body)
            elif path.startswith("/api/"):
                # For what does not exist the hub asks for a password.
                self._plain(401, b'{"error":"Invalid username or password."}')
            elif found := re.fullmatch(rf"/{hub.repository}/resolve/{hub.revision}/(.+)", path):
                name = found.group(1)
                if name in hub.large:
                    self.send_response(302)
                    self.send_header("Location", f"{hub.address}/cdn/{name}")
                    self.send_header("X-Repo-Commit", hub.revision)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self._file(name)
            elif path.startswith("/cdn/"):
                self._file(path.removeprefix("/cdn/"))
            else:
                self._plain(404, b"Entry not found")

        def _plain(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _file(self, name: str) -> None:
            data = hub.altered.get(name, hub.files[name])
            wanted = self.headers.get("Range")
            start = int(wanted[6:-1]) if wanted and hub.ranges else 0
            self.send_response(206 if wanted and hub.ranges else 200)
            if wanted and hub.ranges:
                start += hub.shift
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            cuts = hub.cut_after[name]
            if cuts:
                self.wfile.write(data[start : start + cuts.pop(0)])
                self.wfile.flush()
                self.close_connection = True
            else:
                self.wfile.write(data[start:])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
