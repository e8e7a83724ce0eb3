"""`openvino`, imported without its telemetry.

`import openvino` reports itself to Google Analytics from a process that it forks, each time and unasked. Where its
package for that cannot be imported it takes a stub of its own, which does nothing.
"""

from __future__ import annotations

import sys

_REPORTER = "openvino_telemetry"
_held_back = _REPORTER not in sys.modules
if _held_back:
    sys.modules[_REPORTER] = None  # type: ignore[assignment]  # Python's way of saying that it cannot be imported
try:
    import openvino
finally:
    if _held_back:
        del sys.modules[_REPORTER]

__all__ = ["openvino"]
