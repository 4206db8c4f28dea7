#!/usr/bin/env python3
"""Run a load test of a running Affectscope system and print its results.

Needs only what monitoring_requirements.txt names. What it does is in `src/affectscope/cli`, where
`affectscope load-test` finds it too; the package need not be installed.
"""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":
    tool = Path(__file__).resolve().parent / "src" / "affectscope" / "cli" / "load_tool.py"
    runpy.run_path(str(tool), run_name="__main__")
