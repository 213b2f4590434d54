"""The world that the service comes from: a real PostgreSQL with the legacy schema, for tests, bench and demo."""
