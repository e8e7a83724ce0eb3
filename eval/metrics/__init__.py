"""Metrics, with the field's names and definitions."""
