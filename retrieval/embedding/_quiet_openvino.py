"""`openvino`, imported without its telemetry and without its model converter.

`import openvino` reports itself to Google Analytics from a process that it forks, each time and unasked. Where its
package for that cannot be imported it takes a stub of its own, which does nothing.

It also imports its converter, which is half of the time that it takes and which nothing here uses; it goes without one
that cannot be imported. Who wants it says `from openvino.tools.ovc import convert_model`.
"""

from __future__ import annotations

import sys

_held_back = [name for name in ("openvino_telemetry", "openvino.tools.ovc") if name not in sys.modules]
for _name in _held_back:
    sys.modules[_name] = None  # type: ignore[assignment]  # Python's way of saying that it cannot be imported
try:
    import openvino
finally:
    for _name in _held_back:
        del sys.modules[_name]

__all__ = ["openvino"]
