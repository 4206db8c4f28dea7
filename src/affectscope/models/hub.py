"""Fetching a model from the Hugging Face hub, and holding every file against what the hub states.

The hub states a SHA-256 for large files (those in Git LFS) and the name of Git's blob, a SHA-1 of
size and content, for small ones. A file that matches is the one that the named commit holds; whether
that commit is to be trusted is another question, so the commit is kept in the manifest and can be
asked for.

The package huggingface_hub (2.4) is not used for this: what a command had fetched when it was ended is
thrown away there, where models are gigabytes, and what comes over HTTP is held against its size alone.

Sources: https://huggingface.co/docs/hub/api (model information), the types `RepoSibling` and
`BlobLfsInfo` of the package huggingface_hub, and https://git-scm.com/book/en/v2/Git-Internals-Git-Objects.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affectscope.errors import InvalidValue, ModelUnavailable, NotFound
from affectscope.models.added import AddedFile, AddedModel, locked, read_manifest, settle
from affectscope.models.card import Digest, FileName

PUBLIC_HUB = "https://huggingface.co"
"""Where ``HF_ENDPOINT``, the hub's own variable for mirrors, names no other."""

TRIES = 5
"""Attempts in a row that bring no byte, after which fetching ends."""

SPARE_BYTES = 64 * 1024**2
"""Left free on the disk."""

_PASSING = (408, 429, 500, 502, 503, 504)
_BLOCK = 1024 * 1024

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and those that there will be."""


class _Lfs(BaseModel):
    sha256: Digest


class _Sibling(BaseModel):
    rfilename: str
    size: int | None = Field(default=None, ge=0)
    blob_id: str | None = Field(default=None, alias="blobId", pattern=r"^[0-9a-f]{40}$")
    lfs: _Lfs | None = None


class _CardData(BaseModel):
    model_config = ConfigDict(extra="ignore")

    license: str | None = None


class _Listing(BaseModel):
    """What the hub says about one commit of a repository."""

    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    siblings: tuple[_Sibling, ...]
    card: _CardData | None = Field(default=None, alias="cardData")


class _Named(BaseModel):
    file: FileName


@dataclass(frozen=True)
class _Wanted:
    """A file to fetch, with what the hub states about it."""

    file: str
    size: int
    stated: str


class Hub:
    """A hub, asked over one connection pool; a context manager.

    Args:
        address: Where it is; ``HF_ENDPOINT`` or the public one where absent.
        pause: Waits so many seconds between two attempts.
        timeout: Seconds of silence after which an attempt ends.
    """

    def __init__(
        self,
        address: str | None = None,
        pause: Callable[[float], None] = time.sleep,
        timeout: float = 30.0,
    ) -> None:
        self._address = (address or os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")
        self._pause = pause
        self._client = httpx.Client(
            follow_redirects=True,
            timeout=timeout,
            # What is compressed on the way could not be continued at a byte.
            headers={"Accept-Encoding": "identity", "User-Agent": "affectscope"},
        )

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def fetch(
        self,
        repository: str,
        name: str,
        patterns: Sequence[str],
        check: Callable[[Path], None],
        *,
        revision: str = "main",
        progress: Progress | None = None,
    ) -> AddedModel:
        """Fetch a model and add it; what was broken off is continued.

        Args:
            repository: Such as ``Systran/faster-whisper-small.en``.
            name: What the model is called here.
            patterns: Which of the files at the top of the repository belong to it.
            check: Refuses a folder that is no such model; raises `ModelUnavailable`.
            revision: Branch, tag or commit.
            progress: Told how far it is.

        Returns:
            The manifest; that of the model which is there already where it is of the same commit
            and whole.

        Raises:
            NotFound: The hub has no such repository or revision.
            InvalidValue: Another model of that name is there, or the disk is too small.
            ModelUnavailable: The hub cannot be reached, or what it sent is not what it states.
        """
        listing = self._listing(repository, revision)
        wanted = _choose(listing, patterns, repository)
        with locked() as folder:
            target = folder / name
            if (before := read_manifest(target)) is not None and before.revision == listing.sha:
                before.verify()
                return before
            if target.exists():
                raise InvalidValue(
                    f"another model {name!r} is there already; "
                    f"'affectscope models remove {name}' removes it"
                )
            staged = folder / f".fetching-{name}-{listing.sha[:12]}"
            for old in folder.glob(f".fetching-{name}-*"):
                if old != staged:
                    shutil.rmtree(old)
            staged.mkdir(exist_ok=True)
            self._check_space(staged, wanted)
            files = []
            done = 0
            total = sum(one.size for one in wanted)
            for one in wanted:
                url = f"{self._address}/{repository}/resolve/{listing.sha}/{one.file}"
                reached = done

                def tell(size: int, reached: int = reached) -> None:
                    if progress is not None:
                        progress(reached + size, total)

                files.append(self._download(url, staged / one.file, one, tell))
                done += one.size
            try:
                check(staged)
            except ModelUnavailable:
                shutil.rmtree(staged)
                raise
            return settle(
                AddedModel(
                    name=name,
                    kind="hub",
                    source=repository,
                    revision=listing.sha,
                    license=listing.card.license if listing.card else None,
                    files=tuple(files),
                    folder=target,
                ),
                staged,
            )

    def _listing(self, repository: str, revision: str) -> _Listing:
        url = f"{self._address}/api/models/{repository}/revision/{revision}"
        for attempt in range(TRIES):
            try:
                answer = self._client.get(url, params={"blobs": "true"})
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                # Where nothing answers at the first try there is no network, and no use in waiting.
                raise self._unreachable(error) from error
            if answer.status_code not in _PASSING:
                break
            self._pause(2.0**attempt)
        if answer.status_code in (401, 403, 404):
            # For what does not exist the hub answers 401, as for what is private.
            raise NotFound(
                f"the hub at {self._address} has no {repository!r} with revision {revision!r} "
                f"that is open to all (status {answer.status_code})"
            )
        if answer.status_code != 200:
            raise ModelUnavailable(
                f"the hub at {self._address} answers {answer.status_code} for {repository!r}"
            )
        try:
            return _Listing.model_validate_json(answer.content)
        except ValidationError as error:
            raise ModelUnavailable(
                f"what answers at {url} is not the hub: {error.errors()[0]['msg']}"
            ) from error

    def _unreachable(self, error: Exception) -> ModelUnavailable:
        reason = str(error) or type(error).__name__
        return ModelUnavailable(
            f"the hub at {self._address} cannot be reached ({reason}); without a network, fetch the "
            "folder elsewhere and give its path: affectscope models add FOLDER"
        )

    @staticmethod
    def _check_space(staged: Path, wanted: Sequence[_Wanted]) -> None:
        have = sum(path.stat().st_size for path in staged.iterdir())
        needed = sum(one.size for one in wanted) - have + SPARE_BYTES
        free = shutil.disk_usage(staged).free
        if needed > free:
            raise InvalidValue(
                f"{needed / 1e6:.0f} MB are needed in {str(staged.parent)!r} and {free / 1e6:.0f} MB "
                "are free; AFFECTSCOPE_MODELS_FOLDER names another folder"
            )

    def _download(
        self, url: str, path: Path, wanted: _Wanted, tell: Callable[[int], None]
    ) -> AddedFile:
        """Fetch one file, continuing what is there, and check it.

        Raises:
            ModelUnavailable: It does not come, or is not what the hub states; it is deleted then.
        """
        failures = 0
        have = path.stat().st_size if path.exists() else 0
        while have < wanted.size or not path.exists():
            try:
                reached = self._attempt(url, path, wanted, have, tell)
                error: Exception | None = None
            except httpx.HTTPError as caught:
                reached, error = path.stat().st_size if path.exists() else 0, caught
            failures = 0 if reached > have else failures + 1
            have = reached
            if error is not None and failures >= TRIES:
                raise self._unreachable(error) from error
            if error is not None:
                self._pause(min(30.0, 2.0**failures))
        tell(wanted.size)
        return _checked(path, wanted)

    def _attempt(
        self, url: str, path: Path, wanted: _Wanted, have: int, tell: Callable[[int], None]
    ) -> int:
        """Fetch as much as comes in one answer; returns the bytes that are there then.

        Raises:
            httpx.HTTPError: It ended early, or another try may help.
            ModelUnavailable: No other try will.
        """
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", url, headers=headers) as answer:
            status = answer.status_code
            if status in _PASSING:
                raise httpx.HTTPStatusError(
                    f"status {status}", request=answer.request, response=answer
                )
            if status == 206:
                if not re.match(rf"bytes {have}-", answer.headers.get("Content-Range", "")):
                    # It continues somewhere else: begin anew.
                    path.unlink()
                    raise httpx.RemoteProtocolError("the hub continued at another place")
            elif status == 200:
                have = 0
            else:
                raise ModelUnavailable(f"the hub answers {status} for {wanted.file} ({url})")
            with path.open("ab" if have else "wb") as file:
                # Without a size of blocks: else what is held back for one is lost with a connection.
                for block in answer.iter_raw():
                    if have + len(block) > wanted.size:
                        file.close()
                        path.unlink()
                        raise ModelUnavailable(
                            f"the hub sends more of {wanted.file} than the {wanted.size} bytes "
                            "that it states"
                        )
                    file.write(block)
                    have += len(block)
                    tell(have)
                file.flush()
                os.fsync(file.fileno())
        if have < wanted.size:
            raise httpx.RemoteProtocolError(f"{wanted.file} ended after {have} bytes")
        return have


def _choose(listing: _Listing, patterns: Sequence[str], repository: str) -> list[_Wanted]:
    """Return the files of a model with what the hub states about them, small ones first.

    Raises:
        ModelUnavailable: There are none, or the hub states no digest for one.
    """
    wanted = []
    for one in listing.siblings:
        if "/" in one.rfilename or not any(fnmatchcase(one.rfilename, p) for p in patterns):
            continue
        stated = f"sha256:{one.lfs.sha256}" if one.lfs else f"git:{one.blob_id}"
        if one.size is None or (one.lfs is None and one.blob_id is None):
            raise ModelUnavailable(f"the hub states no size or digest for {one.rfilename}")
        try:
            name = _Named(file=one.rfilename).file
        except ValidationError as error:
            raise ModelUnavailable(f"{one.rfilename!r} is no name for a file") from error
        wanted.append(_Wanted(name, one.size, stated))
    if not wanted:
        raise ModelUnavailable(f"{repository!r} holds none of {', '.join(patterns)}")
    return sorted(wanted, key=lambda one: one.size)


def _checked(path: Path, wanted: _Wanted) -> AddedFile:
    """Hold a file against what the hub states; returns its entry in the manifest.

    Raises:
        ModelUnavailable: It is another one, and was deleted.
    """
    digest = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            blob.update(block)
    found = (f"sha256:{digest.hexdigest()}", f"git:{blob.hexdigest()}")
    if wanted.stated not in found:
        path.unlink()
        raise ModelUnavailable(
            f"{wanted.file} is not what the hub states: expected {wanted.stated[:19]}..., "
            f"found {found[wanted.stated.startswith('git:')][:19]}...; it was deleted, try again"
        )
    return AddedFile(
        file=wanted.file,
        size=path.stat().st_size,
        sha256=digest.hexdigest(),
        stated=wanted.stated,
    )
