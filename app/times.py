"""Times as they are stored: UTC, ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(time: datetime) -> str:
    """A time as the library carries it, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_now() -> str:
    """The present, as the library carries it."""
    return stamp(datetime.now(UTC))


def to_the_second() -> str:
    """The present, as runs carry it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
