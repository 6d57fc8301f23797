"""Building and steering the driver library without a GPU (libnvidia_ml.c).

Here: compiling it, a scenario for it, and putting it where NVIDIA's binding keeps the library that
it loaded. Not here: what the sensors should say, which sensor_model.py states.
"""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from negawatt.models.domain.units import NS_PER_S

SOURCE = Path(__file__).with_name("libnvidia_ml.c")
LIBRARY_NAME = "libnvidia-ml.so.1"


def build_library(folder: Path) -> Path:
    """Compile the library into a folder, or skip where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed: the driver library for tests cannot be compiled")
    path = folder / LIBRARY_NAME
    flags = ["-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]
    command = [compiler, *flags, f"-Wl,-soname,{LIBRARY_NAME}", "-o", str(path), str(SOURCE), "-lm"]
    subprocess.run(command, check=True)  # noqa: S603 - our own file, no shell
    return path


class Driver:
    """The library, loaded into this process.

    Args:
        path: Where it was compiled.
        scenario_path: Where scenarios are written.
    """

    def __init__(self, path: Path, scenario_path: Path) -> None:
        self.library = ctypes.CDLL(str(path))
        self.library.stub_set_time_ns.argtypes = [ctypes.c_int64]
        self.library.stub_origin_ns.restype = ctypes.c_int64
        self.library.stub_call_count.restype = ctypes.c_ulong
        self._scenario_path = scenario_path

    def load(self, *lines: str) -> None:
        """Begin a scenario; its time starts now."""
        self._scenario_path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        assert self.library.stub_load(str(self._scenario_path).encode()) == 0

    def set_time_s(self, time_s: float) -> None:
        """Let it be so late in a scenario with ``clock virtual`` [s]."""
        self.library.stub_set_time_ns(round(time_s * NS_PER_S))

    @property
    def origin_ns(self) -> int:
        """When the scenario began, by the monotonic clock [ns]."""
        return int(self.library.stub_origin_ns())

    @property
    def call_count(self) -> int:
        """How many calls the GPUs had since the scenario began."""
        return int(self.library.stub_call_count())
