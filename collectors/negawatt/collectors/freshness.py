"""What a reading is worth beside the one before: repeated, reset, suspect.

The energy counter is the only evidence from outside that a value is new. Here: quality and counter
epoch of each reading. Not here: energy itself, which is computed from the sealed files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from negawatt.collectors.sources.protocol import PowerScope, Reading, ReadingQuality
from negawatt.models.domain.findings import Finding, FindingCode, Severity

GpuScope = tuple[str, PowerScope]


@dataclass(frozen=True, slots=True)
class CounterState:
    """Where an energy counter stood.

    Attributes:
        energy_total_millijoule: Its last value, or None if it never had one [mJ].
        counter_epoch: How many times it was reset since the boot was first watched.
    """

    energy_total_millijoule: int | None
    counter_epoch: int


@dataclass(frozen=True, slots=True)
class Judgment:
    """What is added to a reading before it is stored."""

    reading_quality: ReadingQuality
    counter_epoch: int
    finding: Finding | None = None


class CounterWatch:
    """Follows the energy counters of one target.

    Args:
        states: Where the counters stood when an earlier run of the same boot ended.
    """

    def __init__(self, states: Mapping[GpuScope, CounterState] | None = None) -> None:
        self._states = dict(states or {})

    @property
    def states(self) -> dict[GpuScope, CounterState]:
        """Where the counters stand now."""
        return dict(self._states)

    def judge(self, reading: Reading) -> Judgment:
        """Compare a reading with the one before of its GPU and scope, and remember it.

        A counter holds 2^64 mJ and never wraps: a decrease is a reset, and the energy between the
        two readings is not known. Nor is it where the source lost the GPU in between: a counter
        that began anew may have passed the old one. What the source itself found wrong stands
        before a suspicious zero, that before a reset, that before a repeat.
        """
        key = (reading.identity.gpu_uuid, reading.power_scope)
        before = self._states.get(key, CounterState(None, 0))
        energy_millijoule = reading.energy_total_millijoule
        moved = _moved_millijoule(before.energy_total_millijoule, energy_millijoule)
        if reading.counter_is_new and moved is not None:
            moved = min(moved, -1)  # as good as a decrease
        epoch = before.counter_epoch + (moved is not None and moved < 0)
        if energy_millijoule is None:
            energy_millijoule = before.energy_total_millijoule
        self._states[key] = CounterState(energy_millijoule, epoch)
        finding = _reset_finding(reading, before) if epoch != before.counter_epoch else None
        return Judgment(_quality(reading, moved), epoch, finding)


def _moved_millijoule(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before


def _quality(reading: Reading, moved_millijoule: int | None) -> ReadingQuality:
    if reading.reading_quality != ReadingQuality.OK:
        return reading.reading_quality
    if reading.power_milliwatt == 0 or reading.power_instant_milliwatt == 0:
        return ReadingQuality.ZERO_SUSPECT
    if moved_millijoule is None or moved_millijoule > 0:
        return ReadingQuality.OK
    return ReadingQuality.RESET_EPOCH if moved_millijoule < 0 else ReadingQuality.REPEAT


def _reset_finding(reading: Reading, before: CounterState) -> Finding:
    return Finding(
        code=FindingCode.COUNTER_RESET,
        severity=Severity.WARNING,
        subject=reading.identity.gpu_uuid,
        message=f"expected a counter that goes on from {before.energy_total_millijoule} mJ, found "
        f"{reading.energy_total_millijoule} mJ{' after the GPU was gone' * reading.counter_is_new};"
        " a new counter epoch begins",
        evidence={
            "before_millijoule": before.energy_total_millijoule,
            "after_millijoule": reading.energy_total_millijoule,
            "observed_at_utc": reading.stamp.observed_at_utc.isoformat(),
        },
    )
