"""Readers of published data, in the form in which it is published."""
