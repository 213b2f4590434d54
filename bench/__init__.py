"""Measurements; never shipped."""
