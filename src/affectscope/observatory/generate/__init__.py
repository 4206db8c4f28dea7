"""Writes what others need from the definitions: Prometheus, Alertmanager, Grafana, readers.

For development: it needs the packages of the dependency group `definitions`.
"""
