"""Writes the generated files: `python -m affectscope.observatory.generate [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from affectscope.errors import InvalidValue
from affectscope.observatory.definitions import SHIPPED, load
from affectscope.observatory.generate.files import drifted, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the generated files.

    Args:
        arguments: Of the command line; those of the process if None.

    Returns:
        Exit status: 1 where something drifted or the definitions are wrong.
    """
    parser = argparse.ArgumentParser(description="Write what the definitions say, for others.")
    parser.add_argument("--check", action="store_true", help="only say what would change")
    parser.add_argument("--definitions", type=Path, default=SHIPPED, help="another file")
    parser.add_argument("--root", type=Path, default=Path(), help="top of the repository")
    options = parser.parse_args(arguments)
    try:
        definitions = load(options.definitions)
    except InvalidValue as error:
        print(error.detail, file=sys.stderr)
        return 1
    if options.check:
        found = drifted(definitions, options.root)
        for path in found:
            print(f"{path} is not what the definitions say; run make definitions", file=sys.stderr)
        return 1 if found else 0
    for path in write(definitions, options.root):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
