"""Analysts turn a document into laboratory results, vital signs and an explanation."""
