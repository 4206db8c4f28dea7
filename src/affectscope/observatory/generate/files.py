"""All generated files: their paths and their contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from affectscope.observatory.alerts.objectives import dashboards
from affectscope.observatory.definitions import Definitions
from affectscope.observatory.generate.documents import metrics_document
from affectscope.observatory.generate.grafana import dashboard_json
from affectscope.observatory.generate.prometheus import alertmanager, configuration, rule_groups

_WRITTEN = "# Written by `make definitions` from src/affectscope/observatory/definitions.toml.\n"


def generated(definitions: Definitions) -> dict[str, str]:
    """Return what is generated.

    Args:
        definitions: Everything comes from them, and from the metrics of the code.

    Returns:
        Text by path, from the top of the repository.
    """
    return {
        "deploy/prometheus/prometheus.yml": _yaml(configuration(definitions)),
        "deploy/prometheus/rules.yml": _yaml(rule_groups(definitions)),
        "deploy/alertmanager/alertmanager.yml": _yaml(alertmanager(definitions)),
        **{
            f"deploy/grafana/dashboards/{board.id}.json": dashboard_json(board)
            for board in dashboards(definitions)
        },
        "docs/metrics.md": metrics_document(definitions),
    }


def drifted(definitions: Definitions, root: Path) -> list[str]:
    """Return the paths whose files under `root` are missing or other than generated."""
    return [path for path, text in generated(definitions).items() if _read(root / path) != text]


def write(definitions: Definitions, root: Path) -> list[str]:
    """Write what is generated under `root`; returns the paths that changed."""
    changed = drifted(definitions, root)
    texts = generated(definitions)
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(document: dict[str, Any]) -> str:
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return _WRITTEN + body
