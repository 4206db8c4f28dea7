"""The store of all telemetry: scraped metrics, traces, logs, profiles, alerts and load tests."""
