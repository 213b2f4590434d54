"""Uploads, their inspection, their analysis, and the jobs in between."""
