"""Tests of the analysts."""
