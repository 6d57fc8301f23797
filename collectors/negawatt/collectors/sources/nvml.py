"""NVIDIA's driver, read through its own binding: the only module that imports ``pynvml``.

Every field carries its own return code and its scope; a value of one scope or field never stands in
for another. Through the binding's wrappers, which is fast enough for some readings a second; a
faster loop on raw structures would replace ``_read_gpu`` only. Not here: exporters.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pynvml

from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    PowerScope,
    Reading,
    ReadingQuality,
    Stamp,
    StopWatch,
)
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.findings import Finding, FindingCode, Severity

_SCOPES: Final = {
    PowerScope.GPU: pynvml.NVML_POWER_SCOPE_GPU,
    PowerScope.MODULE: pynvml.NVML_POWER_SCOPE_MODULE,
}
# Column, and its field in each scope (nvml.h, NVML_FI_DEV_*). A GPU's energy is the unscoped field
# 83, which older drivers know; 191 is its scoped twin.
_AVERAGE, _INSTANT = pynvml.NVML_FI_DEV_POWER_AVERAGE, pynvml.NVML_FI_DEV_POWER_INSTANT
_ENERGY, _SCOPED_ENERGY = pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, pynvml.NVML_FI_DEV_ENERGY
_LIMIT = pynvml.NVML_FI_DEV_POWER_CURRENT_LIMIT
_FIELDS: Final = (
    ("power_milliwatt", {PowerScope.GPU: _AVERAGE, PowerScope.MODULE: _AVERAGE}),
    ("power_instant_milliwatt", {PowerScope.GPU: _INSTANT, PowerScope.MODULE: _INSTANT}),
    ("energy_total_millijoule", {PowerScope.GPU: _ENERGY, PowerScope.MODULE: _SCOPED_ENERGY}),
    ("power_limit_milliwatt", {PowerScope.GPU: _LIMIT, PowerScope.MODULE: _LIMIT}),
)
_MEASURED: Final = {"power_milliwatt", "power_instant_milliwatt", "energy_total_millijoule"}
_ASKED: Final = tuple(
    (scope, column, field_of_scope[scope])
    for scope in _SCOPES
    for column, field_of_scope in _FIELDS
)
_MEMBER_OF_TYPE: Final = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
}
_REASON_OF_ERROR: Final = {
    pynvml.NVML_ERROR_GPU_IS_LOST: GapReason.GPU_LOST,
    pynvml.NVML_ERROR_NOT_FOUND: GapReason.GPU_LOST,
    pynvml.NVML_ERROR_RESET_REQUIRED: GapReason.GPU_RESET_REQUIRED,
}
_DRIVER_GONE: Final = {
    pynvml.NVML_ERROR_UNINITIALIZED,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
    pynvml.NVML_ERROR_UNKNOWN,
}


@dataclass(slots=True)
class _Gpu:
    """One GPU that was seen; its handle is looked up again after an error."""

    identity: GpuIdentity
    handle: Any
    answered: set[tuple[PowerScope, str]] = field(default_factory=set)


class NvmlSource:
    """Reads all GPUs of this machine.

    Args:
        timeout_s: Longest wait for one sweep; a call that hangs in the driver costs readings,
            not the agent [s].

    Raises:
        DeviceMissingError: There is no driver, or it shows no GPU.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._initialized = False
        _initialize()
        self._initialized = True
        self._gpus: dict[int, _Gpu] = {}
        self._unopened: dict[int, str] = {}
        if not (count := pynvml.nvmlDeviceGetCount()):
            raise _missing("the driver shows no GPU")
        self._gpu_count = count
        self._open_gpus()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nvml")

    async def read(self, clock: Clock) -> Batch:
        """Read every GPU once, each stamped with the middle of its own call."""
        loop = asyncio.get_running_loop()
        sweep = loop.run_in_executor(self._thread, self._read_all, clock)
        try:
            # One thread: while a sweep hangs, later ones wait behind it and are withdrawn.
            return await asyncio.wait_for(sweep, self._timeout_s)
        except TimeoutError:
            detail = f"no answer of the driver within {self._timeout_s} s"
            return Batch.failed(GapReason.TIMEOUT, _finding("nvml", detail))

    async def close(self) -> None:
        """Let go of the driver."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        with suppress(pynvml.NVMLError):  # the driver may be gone, which is fine at the end
            pynvml.nvmlShutdown()

    def _open_gpus(self) -> None:
        """Look up the GPUs that are not open; one that is lost does not hide the others."""
        self._unopened = {}
        for index in range(self._gpu_count):
            if index in self._gpus:
                continue
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                self._gpus[index] = _Gpu(_identity(handle), handle)
            except pynvml.NVMLError as error:
                self._unopened[index] = str(error)

    def _read_all(self, clock: Clock) -> Batch:
        if not self._initialized:
            try:
                _initialize()
            except DeviceMissingError as error:
                return Batch.failed(GapReason.DRIVER_ERROR, _finding("nvml", error.found))
            self._initialized = True
        if self._unopened:
            self._open_gpus()
        findings = [_finding(f"GPU {n}", text) for n, text in self._unopened.items()]
        readings: list[Reading] = []
        missing: dict[str, GapReason] = {}
        for gpu in self._gpus.values():
            try:
                found = list(_read_gpu(gpu, clock))
            except pynvml.NVMLError as error:
                self._note_error(gpu, error)
                reason = _REASON_OF_ERROR.get(error.value, GapReason.DRIVER_ERROR)
                missing[gpu.identity.gpu_uuid] = reason
                findings.append(_finding(gpu.identity.gpu_uuid, str(error)))
                continue
            readings += found
            if not found:
                missing[gpu.identity.gpu_uuid] = GapReason.NO_POWER_READING
        return Batch(readings=tuple(readings), missing=missing, findings=tuple(findings))

    def _note_error(self, gpu: _Gpu, error: pynvml.NVMLError) -> None:
        gpu.handle = None
        if error.value in _DRIVER_GONE:
            self._initialized = False
            for each in self._gpus.values():
                each.handle = None


def _initialize() -> None:
    """Start NVML, or start it again after the driver was reloaded."""
    with suppress(pynvml.NVMLError):  # not initialized yet, or no longer
        pynvml.nvmlShutdown()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise _missing(str(error)) from error


def _missing(found: str) -> DeviceMissingError:
    return DeviceMissingError(
        thing="NVML",
        expected="an NVIDIA driver with at least one GPU",
        found=found,
        remedy="install or load the driver (in a container, allow the `utility` capability), "
        "or read an exporter instead: `[nvml] enabled = false`",
    )


def _identity(handle: Any) -> GpuIdentity:  # noqa: ANN401 - an opaque pointer of the binding
    return GpuIdentity(
        gpu_uuid=pynvml.nvmlDeviceGetUUID(handle),
        model_name=pynvml.nvmlDeviceGetName(handle),
        driver_version=pynvml.nvmlSystemGetDriverVersion(),
    )


def _read_gpu(gpu: _Gpu, clock: Clock) -> Iterator[Reading]:
    """Give one reading for each scope in which the GPU states power or energy."""
    if gpu.handle is None:
        gpu.handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.identity.gpu_uuid)
    watch = StopWatch(clock)
    answers = pynvml.nvmlDeviceGetFieldValues(
        gpu.handle, [(field_id, _SCOPES[scope]) for scope, _, field_id in _ASKED]
    )
    stamp = watch.stamp()
    for scope in _SCOPES:
        values = {
            column: _value(answer, column)
            for (asked_scope, column, _), answer in zip(_ASKED, answers, strict=True)
            if asked_scope == scope
        }
        if any(values[column] is not None for column in _MEASURED):
            yield _reading(gpu, scope, stamp, values)


def _reading(gpu: _Gpu, scope: PowerScope, stamp: Stamp, values: dict[str, int | None]) -> Reading:
    answered = {(scope, column) for column, value in values.items() if value is not None}
    lost = {key for key in gpu.answered if key[0] == scope} - answered
    gpu.answered |= answered
    return Reading(
        identity=gpu.identity,
        stamp=stamp,
        power_scope=scope,
        reading_quality=ReadingQuality.FIELD_ERROR if lost else ReadingQuality.OK,
        **values,
    )


def _value(answer: Any, column: str) -> int | None:  # noqa: ANN401 - a structure of the binding
    """Return a field's value, or None where its own return code or its range says it is none."""
    if answer.nvmlReturn != pynvml.NVML_SUCCESS or answer.valueType not in _MEMBER_OF_TYPE:
        return None
    value = round(getattr(answer.value, _MEMBER_OF_TYPE[answer.valueType]))
    limit = 2**63 if column == "energy_total_millijoule" else 2**31
    return value if 0 <= value < limit else None


def _finding(subject: str, found: str) -> Finding:
    return Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject=subject,
        message=f"expected readings from the driver, found: {found}",
        evidence={"found": found},
    )
