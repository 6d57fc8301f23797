"""What needs the system's Pango library, and is skipped by name where that is not installed."""

from ctypes.util import find_library

import pytest

needs_pango = pytest.mark.skipif(
    not (find_library("pango-1.0") and find_library("harfbuzz-subset")),
    reason="needs the system libraries Pango and HarfBuzz-Subset (make pango)",
)
