"""The front door: one address for all services, one request for all modalities of an occasion.

Names are imported on first use, because the load generator is a module of this package that runs as
a small process of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affectscope.gateway.app import create
    from affectscope.gateway.settings import GatewaySettings

__all__ = ["GatewaySettings", "create"]

_HOMES = {"create": "app", "GatewaySettings": "settings"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"affectscope.gateway.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'affectscope.gateway' has no attribute {name!r}")
