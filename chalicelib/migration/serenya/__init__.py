"""Serenya as a mapping: which rows are which items. Everything beside this folder knows neither."""
