"""What needs the system's Pango library, and is skipped by name where that is not installed."""

from ctypes.util import find_library

import pytest

needs_pango = pytest.mark.skipif(
    find_library("pango-1.0") is None, reason="needs the system library Pango (make pango)"
)
