"""The keeper of the processes."""

from affectscope.supervisor.keeper import Keeper
from affectscope.supervisor.ports import taken_ports
from affectscope.supervisor.processes import NAMES, ProcessSpec, processes
from affectscope.supervisor.up import up

__all__ = ["NAMES", "Keeper", "ProcessSpec", "processes", "taken_ports", "up"]
