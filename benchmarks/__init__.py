"""Speed: of the services and of the telemetry beside references, and of one commit beside another."""
