"""Two commits side by side in a folder, each with its sources compiled."""

from __future__ import annotations

import compileall
import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

BASE_VARIABLE = "BENCH_BASE"
"""Names the commit to compare with; the first parent of HEAD where unset."""

_PRODUCT = "src"
_ACCEPTED = re.compile(r"^Accept-slower:\s*(?P<name>\S[^—:]*?)\s*[—:]\s*(?P<reason>\S.*)$", re.M)


class NothingToCompare(Exception):
    """There is no commit before, or it holds the same product."""


def git(*arguments: str) -> str:
    """Return what a git command prints.

    Raises:
        NothingToCompare: It fails; the message is its own.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise NothingToCompare("git is not installed") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise NothingToCompare(said[-1] if said else f"git {arguments[0]} fails") from None
    return done.stdout.strip()


def base_commit() -> str:
    """Return the full name of the commit to compare HEAD with.

    Raises:
        NothingToCompare: The history ends at HEAD, as in a shallow clone; `BENCH_BASE` names no
            commit; or the product is the same in both.
    """
    asked = os.environ.get(BASE_VARIABLE)
    try:
        base = git("rev-parse", "--verify", "--quiet", f"{asked or 'HEAD^1'}^{{commit}}")
    except NothingToCompare:
        if asked:
            raise NothingToCompare(f"{BASE_VARIABLE} is {asked!r}, which is no commit") from None
        raise NothingToCompare("this clone holds no commit before HEAD") from None
    if git("rev-parse", f"{base}:{_PRODUCT}") == git("rev-parse", f"HEAD:{_PRODUCT}"):
        raise NothingToCompare(f"{_PRODUCT}/ is the same in HEAD and in {base[:10]}")
    return base


def export(commit: str, folder: Path) -> Path:
    """Write the product of a commit into a folder.

    Args:
        commit: Any name of it.
        folder: Where to write; made where missing.

    Returns:
        The folder that PYTHONPATH takes.

    Raises:
        NothingToCompare: There is no such commit, or no product in it.
    """
    git("rev-parse", "--verify", "--quiet", f"{commit}:{_PRODUCT}")
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit, _PRODUCT], capture_output=True, check=True
    ).stdout
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        members.extractall(folder, filter="data")
    compile_sources(folder / _PRODUCT)
    return folder / _PRODUCT


def compile_sources(folder: Path) -> None:
    """Compile a tree, so that no worker pays for it."""
    compileall.compile_dir(folder, quiet=2)


def uncommitted() -> bool:
    """Tell whether the product has changes that no commit holds, and that are not measured."""
    return bool(git("status", "--porcelain", "--", _PRODUCT))


def accepted(base: str) -> dict[str, str]:
    """Return what the commits since the base say is slower on purpose: reasons by benchmark.

    A line of a commit message such as `Accept-slower: survey.score: checks every answer now`.
    """
    messages = git("log", "--format=%B", f"{base}..HEAD")
    return {found["name"]: found["reason"] for found in _ACCEPTED.finditer(messages)}
