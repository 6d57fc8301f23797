"""One GPU over time: what it said before decides what is worth saying now.

Here: identity that is told when it changes, columns that a GPU does not give said once, samples
that the driver dropped. Not here: the calls (nvml_slow, nvml) and threads (nvml_slow_source).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from negawatt.collectors.sources.nvml import Nvml, OpenGpu, instrument
from negawatt.collectors.sources.nvml_slow import DriverSamples, SlowReader
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_S

_IDENTITY_NS: Final = 60 * NS_PER_S
_SAMPLES: Final = "power_sample_milliwatt"


class SlowClock(Protocol):
    """A clock that gives plain numbers, and all of the machine's clocks."""

    def monotonic_ns(self) -> int:
        """Return the monotonic clock [ns]."""
        ...

    def clocks_ns(self) -> Mapping[str, int]:
        """Return what each of the machine's clocks shows [ns]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a GPU gave.

    Attributes:
        conditions: Columns of ``raw_gpu__conditions`` that the GPU answers for.
        instrument: Columns of ``raw_gpu__instruments``, at the start and when one changed.
        samples: The driver's own samples since the last look.
        driver_ns: Time inside the driver, identity not counted [ns].
        findings: What is said for the first time.
    """

    conditions: Mapping[str, int | None]
    instrument: Mapping[str, str | None] | None
    samples: DriverSamples | None
    driver_ns: int
    findings: tuple[Finding, ...]


class GpuFollower:
    """Looks at one GPU again and again.

    Args:
        nvml: The started library.
        clock: The machine's clock.
    """

    def __init__(self, nvml: Nvml, clock: SlowClock) -> None:
        self._reader = SlowReader(nvml, clock.monotonic_ns)
        self._clocks_ns = clock.clocks_ns
        self._opened: OpenGpu | None = None
        self._instrument: dict[str, str | None] | None = None
        self._identity_due_ns = 0
        self._said: set[str] = set()

    def look(self, gpu: OpenGpu, now_ns: int) -> Look:
        """Ask the GPU for everything that is due.

        Args:
            gpu: Its handle and identity, as it was opened last.
            now_ns: The monotonic clock [ns].

        Raises:
            DriverCallError: The GPU answers nothing at all.
        """
        before_ns = self._reader.driver_ns
        conditions, failed = self._reader.conditions(gpu.handle)
        drained = self._reader.drain(gpu.handle, self._clocks_ns())
        samples = None if isinstance(drained, str) else drained
        if isinstance(drained, str):
            failed = {**failed, _SAMPLES: drained}
        return Look(
            conditions=conditions,
            instrument=self._changed_instrument(gpu, now_ns),
            samples=samples,
            driver_ns=self._reader.driver_ns - before_ns,
            findings=(*self._unsupported(gpu, failed), *_of_samples(gpu, samples)),
        )

    def _changed_instrument(self, gpu: OpenGpu, now_ns: int) -> dict[str, str | None] | None:
        if gpu is self._opened and now_ns < self._identity_due_ns:
            return None
        self._opened, self._identity_due_ns = gpu, now_ns + _IDENTITY_NS
        found = {
            "model_name": gpu.identity.model_name,
            "driver_version": gpu.identity.driver_version,
            **instrument(gpu),
        }
        if found == self._instrument:
            return None
        self._instrument = found
        return found

    def _unsupported(self, gpu: OpenGpu, failed: Mapping[str, str]) -> list[Finding]:
        new = {name: found for name, found in failed.items() if name not in self._said}
        self._said |= set(new)
        return [_finding(FindingCode.FIELD_NOT_SUPPORTED, gpu, new)] if new else []


def _of_samples(gpu: OpenGpu, samples: DriverSamples | None) -> list[Finding]:
    if samples is None:
        return []
    found: dict[str, object] = {}
    if samples.refused_count:
        found["refused_count"] = samples.refused_count
    if samples.lost_since_us is not None:
        found["lost_since_us"] = samples.lost_since_us
    return [_finding(FindingCode.DRIVER_SAMPLES_LOST, gpu, found)] if found else []


def _finding(code: FindingCode, gpu: OpenGpu, found: Mapping[str, object]) -> Finding:
    said = ", ".join(f"{name}: {value}" for name, value in found.items())
    return Finding(
        code=code,
        severity=Severity.INFO,
        subject=gpu.identity.gpu_uuid,
        message=f"expected an answer of the driver, found {said}",
        evidence=dict(found),
    )
