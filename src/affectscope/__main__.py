"""``python -m affectscope`` is the ``affectscope`` command."""

from affectscope.cli import main

main()
