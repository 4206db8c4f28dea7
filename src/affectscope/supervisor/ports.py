"""Which ports are taken, and by whom, before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import psutil

from affectscope.supervisor.processes import ProcessSpec


def taken_ports(specs: Sequence[ProcessSpec]) -> list[str]:
    """Return one sentence for each port that something else already has."""
    return [
        f"port {spec.port} ({spec.title}) is already taken by {_holder(spec.port)}"
        for spec in specs
        if not _free(spec.host, spec.port)
    ]


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """Name the process that listens, as far as this user may know."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            # An address is a pair of host and port, or empty.
            if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,):
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "another process"
