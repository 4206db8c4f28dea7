"""Compares the speed of one commit with that of the one before; `python -m benchmarks.gate`.

`trees` lays both commits beside each other, `worker` is a process that measures one of them,
`runner` lets two workers take turns, `decision` says what is slower, `report` tells it.
"""
