"""Metrics and statistics for anything that answers questions. Does not import app/."""
