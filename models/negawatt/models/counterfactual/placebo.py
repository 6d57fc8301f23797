"""How wrong the method is where nothing was touched: pretend events in a fleet's own history.

Here: the same levels and the same replay as for the event, in quiet stretches of its length, set
against what then happened. Not here: what the errors make of a band
(negawatt.models.uncertainty.fleet_band).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.gpu_change import Prepared
from negawatt.models.counterfactual.job_level import (
    MIN_REFERENCE_MINUTES,
    NOTICE_MINUTES,
    RELOAD_MINUTES,
    WARMUP_MINUTES,
    Reference,
    level_before,
)
from negawatt.models.counterfactual.job_power import minute_span
from negawatt.models.counterfactual.queue_replay import Policy
from negawatt.models.counterfactual.schedule import QueueCase, Stay
from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """One pretend event; errors are estimate less truth, means over its window.

    Attributes:
        start_minute: Its first minute.
        level_error_kw: Error of the levels of the flexible jobs that ran [kW].
        level_kw: What those jobs drew [kW].
        queue_error_kw: Error of who started, at each job's own power [kW].
        queue_kw: What the jobs that started drew [kW].
        jobs: Error and power of each of the jobs whose level was estimated [kW].
    """

    start_minute: int
    level_error_kw: float
    level_kw: float
    queue_error_kw: float
    queue_kw: float
    jobs: tuple[tuple[float, float], ...] = ()


class RunSums:
    """Running sums of every flexible run's power: means over any stretch at once."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._sums: dict[int, tuple[int, NDArray[np.float64], NDArray[np.int64]]] = {}

    def mean_w(self, run: int, first: int, last: int) -> tuple[float, int]:
        """Return the mean power of one GPU of a run in settled minutes [W], and their count."""
        start, sums_w, counts = self._of(run)
        a = min(max(first - start, 0), len(sums_w) - 1)
        b = min(max(last - start, 0), len(sums_w) - 1)
        count = int(counts[b] - counts[a])
        return (float(sums_w[b] - sums_w[a]) / count if count else float("nan")), count

    def _of(self, run: int) -> tuple[int, NDArray[np.float64], NDArray[np.int64]]:
        if run not in self._sums:
            fleet = self._prepared.fleet
            its = fleet.runs[run]
            start, end = minute_span(its.start_s, its.end_s, 0, fleet.n_minutes)
            start = min(start + WARMUP_MINUTES, end)
            power_w = fleet.gpu_power_w[its.gpus, start:end]
            with np.errstate(invalid="ignore"):
                mean_w = np.add.reduce(power_w, axis=0, dtype=np.float64) / len(its.gpus)
            lost = np.isnan(mean_w)
            if lost.any():
                some = power_w[:, lost]
                known = ~np.isnan(some)
                count = known.sum(axis=0)
                mean_w[lost] = np.where(known, some, 0).sum(axis=0) / np.maximum(count, 1)
                lost[lost] = count == 0
            sums_w = np.concatenate([[0.0], np.cumsum(np.where(lost, 0.0, mean_w))])
            counts = np.concatenate([[0], np.cumsum(~lost)])
            self._sums[run] = (start, sums_w, counts)
        return self._sums[run]


def placebo(
    prepared: Prepared,
    sums: RunSums,
    cases: Mapping[str, QueueCase],
    policy: Policy,
    span: tuple[int, int],
    *,
    reference: Reference,
) -> Placebo:
    """Pretend that control touched every flexible job and held every start of a quiet stretch.

    Args:
        prepared: The fleet.
        sums: Its runs' power.
        cases: Its partitions at the beginning of the stretch.
        policy: The scheduler's policy.
        span: First minute, and the minute after the last.
        reference: Where levels are looked for.
    """
    queue_error_kw = queue_kw = 0.0
    jobs: list[tuple[float, float]] = []
    for case in cases.values():
        levels = (_level(prepared, sums, stay, span, reference) for stay in case.running)
        jobs += [level for level in levels if level[1] > 0]
        seen = _started_kw(prepared, sums, case.as_seen(), span)
        replayed = _started_kw(prepared, sums, case.play(policy), span)
        queue_error_kw += replayed - seen
        queue_kw += seen
    return Placebo(
        start_minute=span[0],
        level_error_kw=sum(error_kw for error_kw, _ in jobs),
        level_kw=sum(power_kw for _, power_kw in jobs),
        queue_error_kw=queue_error_kw,
        queue_kw=queue_kw,
        jobs=tuple(jobs),
    )


def _level(
    prepared: Prepared,
    sums: RunSums,
    stay: Stay,
    span: tuple[int, int],
    reference: Reference,
) -> tuple[float, float]:
    """Return the error of a running job's mean power and that power, both over the span [kW]."""
    if stay.run is None or prepared.fleet.jobs[stay.job].tier == 0:
        return 0.0, 0.0
    first, last = span
    actual_w, count = sums.mean_w(stay.run, first, last)
    reach = reference.reach_minutes
    far_w, near_w, after_w = (
        mean_w if n >= MIN_REFERENCE_MINUTES else float("nan")
        for mean_w, n in (
            sums.mean_w(stay.run, first - NOTICE_MINUTES - reach, first - NOTICE_MINUTES),
            sums.mean_w(stay.run, first - reach, first),
            sums.mean_w(stay.run, last + RELOAD_MINUTES, last + reach),
        )
    )
    before_w = level_before(far_w, near_w, after_w, reference)
    if count == 0 or (np.isnan(before_w) and np.isnan(after_w)):
        return 0.0, 0.0
    before_w = float(np.nan_to_num(before_w, nan=after_w))
    after_w = float(np.nan_to_num(after_w, nan=before_w))
    share = count / (2 * (last - first))
    expected_w = (1 - share) * before_w + share * after_w
    weight = stay.gpu_count * count / (last - first) / W_PER_KW
    return (expected_w - actual_w) * weight, actual_w * weight


def _started_kw(
    prepared: Prepared, sums: RunSums, stays: Sequence[Stay], span: tuple[int, int]
) -> float:
    """Return the mean power over idle of stays that begin in a span, at their own level [kW]."""
    first_s, last_s = (minute * S_PER_MINUTE for minute in span)
    total_kw = 0.0
    for stay in stays:
        if stay.start_s < first_s:
            continue
        held_s = max(0.0, min(stay.end_s, last_s) - max(stay.start_s, first_s))
        total_kw += (
            stay.gpu_count * held_s / (last_s - first_s) * _own_w(prepared, sums, stay) / W_PER_KW
        )
    return total_kw


def _own_w(prepared: Prepared, sums: RunSums, stay: Stay) -> float:
    """Return what one GPU of a job draws over idle [W]."""
    mean_w = float("nan")
    if stay.run is not None:
        mean_w, _ = sums.mean_w(stay.run, 0, prepared.fleet.n_minutes)
    if np.isnan(mean_w):
        job_class = prepared.fleet.jobs[stay.job].job_class
        mean_w, _ = prepared.class_power_w(job_class, prepared.fleet.events[-1].start_minute)
    return max(0.0, mean_w - prepared.idle_w) if not np.isnan(mean_w) else 0.0
