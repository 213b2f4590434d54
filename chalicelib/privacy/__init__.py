"""Consents, export, erasure: what people decide about their data."""
