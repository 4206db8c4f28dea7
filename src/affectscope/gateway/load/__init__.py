"""Load tests: real requests with the shipped samples, from a process of its own.

Nothing is imported here: `python -m affectscope.gateway.load` is that process, and a small one.
"""
