"""`openvino`, imported without its telemetry and without its model converter.

`import openvino` reports itself to Google Analytics from a process that it forks, each time and unasked. Where its
package for that cannot be imported it takes a stub of its own, which does nothing.

It also imports its converter, which is half of the time that it takes and which nothing here uses; it goes without one
that cannot be imported. Who wants it says `from openvino.tools.ovc import convert_model`.
"""

from __future__ import annotations

import sys

import numpy as np

_held_back = [name for name in ("openvino_telemetry", "openvino.tools.ovc") if name not in sys.modules]
for _name in _held_back:
    sys.modules[_name] = None  # type: ignore[assignment]  # Python's way of saying that it cannot be imported
try:
    import openvino
finally:
    for _name in _held_back:
        del sys.modules[_name]

__all__ = ["CORE", "openvino"]

# OpenVINO's binding prepares itself for NumPy at the first array, and two threads that bring it one at the same time
# would wait for each other for ever. An import is run by one thread only.
_ = openvino.Tensor(np.zeros(1, np.int64)).data

CORE = openvino.Core()
"""One for all models, for as long as the process lives.

On a CPU with AMX each gives the thread that first uses it a stack of its own for signals, and puts back the one that it
found when it goes. Of two that go in the order they came, that one is gone, too: the next Ctrl-C would end the process
with a segmentation fault.
"""
