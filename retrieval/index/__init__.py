"""The search index of a library."""
