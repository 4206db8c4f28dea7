"""The ``affectscope`` command."""

from affectscope.cli.command import main

__all__ = ["main"]
