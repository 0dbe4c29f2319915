"""Settings, running, provenance and publishing. Orchestrates; knows no statistics."""
