"""NVIDIA's driver library through its own binding: the only module that imports ``pynvml``.

The binding finds and loads the library, starts it, opens GPUs and names them. What is read often
is read through raw functions of the same library (``Nvml.function``), because the binding's
wrappers build objects at each call. Not here: what is read, and when (nvml_sweep, nvml_loop).
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pynvml

from negawatt.collectors.sources.protocol import GapReason, GpuIdentity
from negawatt.models.domain.errors import DeviceMissingError

SUCCESS: Final[int] = pynvml.NVML_SUCCESS
NOT_FOUND: Final[int] = pynvml.NVML_ERROR_NOT_FOUND
FUNCTION_MISSING: Final[int] = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
_REASON_OF_CODE: Final = {
    pynvml.NVML_ERROR_GPU_IS_LOST: GapReason.GPU_LOST,
    pynvml.NVML_ERROR_NOT_FOUND: GapReason.GPU_LOST,
    pynvml.NVML_ERROR_RESET_REQUIRED: GapReason.GPU_RESET_REQUIRED,
}
# After these nothing works until the library is started again.
DRIVER_GONE: Final = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_UNKNOWN,
    }
)

RawFunction = Callable[..., int]


class DriverCallError(Exception):
    """A call of the driver that did not succeed; caught where the GPU is known.

    Attributes:
        code: The driver's return code.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(error_text(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGpu:
    """A GPU that can be asked.

    Attributes:
        handle: What raw functions take; not valid after a reset of the GPU.
        identity: Which GPU, and with which driver.
    """

    handle: Any
    identity: GpuIdentity


def error_text(code: int) -> str:
    """Return the driver's words for a return code."""
    try:
        return str(pynvml.NVMLError(code))
    except pynvml.NVMLError:  # the library is not loaded: it has the words
        return f"NVML error {code}"


def gap_reason(code: int) -> GapReason:
    """Return why a reading is missing whose call gave this code."""
    return _REASON_OF_CODE.get(code, GapReason.DRIVER_ERROR)


class Nvml:
    """The started library.

    Raises:
        DeviceMissingError: There is no driver, or it shows no GPU.
    """

    def __init__(self) -> None:
        self.restart()
        self.gpu_count = self._count()
        if not self.gpu_count:
            raise _missing("the driver shows no GPU")
        self._library_file = _library_file()

    def restart(self) -> None:
        """Start the library, or start it again after the driver was reloaded.

        Raises:
            DeviceMissingError: There is no driver.
        """
        self.stop()
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise _missing(str(error)) from error

    def stop(self) -> None:
        """Let go of the driver."""
        with suppress(pynvml.NVMLError):  # it may be gone, or was never there
            pynvml.nvmlShutdown()

    def refuse_replaced_library(self) -> None:
        """Give up where the library's file was replaced: the old one stays mapped in this process.

        Raises:
            DeviceMissingError: The file is another one than at the start.
        """
        if self._library_file is None:
            return
        path, inode = self._library_file
        found = path.stat().st_ino if path.exists() else None
        if found != inode:
            raise DeviceMissingError(
                thing=f"driver library {path}",
                expected="the file that was loaded at the start",
                found="another file in its place, as after an upgrade of the driver"
                if found
                else "no file",
                remedy="start the agent again: a process cannot exchange a loaded library",
            )

    def open_by_index(self, index: int) -> OpenGpu:
        """Open a GPU by its position.

        Raises:
            DriverCallError: The driver does not give it.
        """
        return self._opened(pynvml.nvmlDeviceGetHandleByIndex, index)

    def open_by_uuid(self, gpu_uuid: str) -> OpenGpu:
        """Open a GPU again; as ``open_by_index``."""
        return self._opened(pynvml.nvmlDeviceGetHandleByUUID, gpu_uuid)

    def function(self, *names: str) -> RawFunction:
        """Return a function of the library that takes ctypes values and gives its return code.

        Types are not declared: checking each argument takes longer than the call. A library that
        has it under none of the names gives one that always answers ``FUNCTION_MISSING``.
        """
        for name in names:
            with suppress(AttributeError):
                raw: RawFunction = pynvml.nvmlLib[name]  # a new object: the binding keeps its own
                return raw
        return lambda *_arguments: FUNCTION_MISSING

    def _count(self) -> int:
        try:
            return int(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError as error:
            raise _missing(str(error)) from error

    def _opened(self, opening: Callable[[Any], Any], key: object) -> OpenGpu:
        try:
            handle = opening(key)
            identity = GpuIdentity(
                gpu_uuid=pynvml.nvmlDeviceGetUUID(handle),
                model_name=pynvml.nvmlDeviceGetName(handle),
                driver_version=pynvml.nvmlSystemGetDriverVersion(),
            )
        except pynvml.NVMLError as error:
            raise DriverCallError(error.value) from error
        return OpenGpu(handle=ctypes.cast(handle, ctypes.c_void_p), identity=identity)


def instrument(gpu: OpenGpu) -> dict[str, str | None]:
    """Return what else tells one instrument from another; None where the GPU does not say.

    A change of VBIOS, MIG mode or persistence mode can change what is measured and when a counter
    begins anew.
    """
    return {
        "serial": _said(pynvml.nvmlDeviceGetSerial, gpu.handle),
        "vbios_version": _said(pynvml.nvmlDeviceGetVbiosVersion, gpu.handle),
        "mig_mode": _mode(lambda handle: pynvml.nvmlDeviceGetMigMode(handle)[0], gpu.handle),
        "persistence_mode": _mode(pynvml.nvmlDeviceGetPersistenceMode, gpu.handle),
    }


def _mode(question: Callable[[Any], int], handle: object) -> str | None:
    said = _said(question, handle)
    return said and {"0": "disabled", "1": "enabled"}.get(said, said)


def _said(question: Callable[[Any], object], handle: object) -> str | None:
    try:
        return str(question(handle))
    except pynvml.NVMLError:
        return None


def _library_file() -> tuple[Path, int] | None:
    """Return the file that is mapped as the library, and its inode; None where it is not told."""
    inside = ctypes.cast(pynvml.nvmlLib.nvmlShutdown, ctypes.c_void_p).value or 0
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, _, _, _, inode, *path = line.split(maxsplit=5)
        start, end = (int(address, 16) for address in addresses.split("-"))
        if start <= inside < end and path:
            return Path(path[0].removesuffix(" (deleted)")), int(inode)
    return None


def _missing(found: str) -> DeviceMissingError:
    return DeviceMissingError(
        thing="NVML",
        expected="an NVIDIA driver with at least one GPU",
        found=found,
        remedy="install or load the driver (in a container, allow the `utility` capability), "
        "or read an exporter instead: `[nvml] enabled = false`",
    )
