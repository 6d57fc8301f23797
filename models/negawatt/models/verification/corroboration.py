"""A recorded estimate of what the site would have drawn, beside the settled figure.

The tariff's number is settled; a job-aware counterfactual says, from what ran in the hall, whether
that number is likely. Here: the comparison. Not here: the estimate, which is made from a fleet
folder (negawatt.models.counterfactual) and comes as a value with the digest of that folder.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedInterval:
    """What an estimate says of one interval.

    Attributes:
        interval_start_utc: Start.
        interval_end_utc: End.
        expected_kw: Mean power that the site would have drawn [kW].
        lower_kw: Lower edge [kW]: the mean of the edges over the event is the band of its mean.
        upper_kw: Upper edge [kW].
    """

    interval_start_utc: datetime
    interval_end_utc: datetime
    expected_kw: float
    lower_kw: float
    upper_kw: float

    def __post_init__(self) -> None:
        if not self.lower_kw <= self.expected_kw <= self.upper_kw:
            raise ValueError(
                f"an estimate must lie in its band, got {self.expected_kw} kW in "
                f"{self.lower_kw} to {self.upper_kw}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEstimate:
    """An estimate by a method that settles nothing, as it was recorded.

    Attributes:
        method_id: The method, such as ``job_aware@1``.
        basis_sha256: Digest of what it was computed from.
        intervals: What it says, oldest first.
    """

    method_id: str
    basis_sha256: str
    intervals: tuple[EstimatedInterval, ...]

    def require_tiles(self, window: Interval) -> None:
        """Refuse intervals that are not the window, whole and without gaps.

        Raises:
            DataRefusedError: They start or end elsewhere, or leave or repeat time in between.
        """
        starts = [one.interval_start_utc for one in self.intervals]
        ends = [one.interval_end_utc for one in self.intervals]
        joined = all(end == start for end, start in zip(ends, starts[1:], strict=False))
        if not starts or (starts[0], ends[-1]) != (window.start_utc, window.end_utc) or not joined:
            found = f"{starts[0]:%Y-%m-%d %H:%M} to {ends[-1]:%H:%M}" if starts else "no interval"
            raise DataRefusedError(
                thing=f"estimate by {self.method_id!r}",
                expected=f"intervals that follow each other from {window.start_utc:%Y-%m-%d %H:%M} "
                f"to {window.end_utc:%H:%M} UTC, the event's",
                found=found + ("" if joined else ", with gaps or overlaps"),
                remedy="estimate the event as it is registered, and record that",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Corroboration:
    """The settled reduction beside a recorded estimate.

    Attributes:
        method_id: The estimate's method.
        basis_sha256: Digest of what it was computed from.
        expected_kwh: What the site would have drawn over the event [kWh]; None where the estimate
            is of another window.
        reduction_kwh: That less the metered energy [kWh].
        lower_kwh: Lower edge of its 90 % band [kWh].
        upper_kwh: Upper edge [kWh].
        difference_kwh: Settled reduction less this one [kWh].
        within_band: Whether the settled reduction lies in the band, edges included.
        findings: OUTSIDE_ESTIMATED_BAND where it does not, METHOD_NOT_COMPUTABLE where the
            estimate is of another window.
    """

    method_id: str
    basis_sha256: str
    expected_kwh: float | None = None
    reduction_kwh: float | None = None
    lower_kwh: float | None = None
    upper_kwh: float | None = None
    difference_kwh: float | None = None
    within_band: bool | None = None
    findings: tuple[Finding, ...] = ()


def corroborate(
    estimate: RecordedEstimate, event: Interval, *, metered_kwh: float, settled_kwh: float
) -> Corroboration:
    r"""Set the settled reduction beside an estimate.

    .. math:: R = \sum_i \hat P_i \, \Delta t_i - E

    with expected power, lengths of the intervals and the metered energy of the event; the band's
    edges likewise.

    Args:
        estimate: The estimate.
        event: The event.
        metered_kwh: E, energy at the settlement meter over the event [kWh].
        settled_kwh: The settled reduction [kWh].

    Examples:
        An hour at 50 kW, where 60 kW in 55 to 65 would have been drawn: 10 kWh, 5 to 15. A rule
        that credits 20 kWh is outside.

        >>> from datetime import UTC, datetime, timedelta
        >>> start_utc = datetime(2026, 6, 30, 18, tzinfo=UTC)
        >>> hour = Interval(start_utc, start_utc + timedelta(hours=1))
        >>> said = EstimatedInterval(interval_start_utc=hour.start_utc, lower_kw=55.0,
        ...     interval_end_utc=hour.end_utc, expected_kw=60.0, upper_kw=65.0)
        >>> estimate = RecordedEstimate(method_id="m@1", basis_sha256="", intervals=(said,))
        >>> found = corroborate(estimate, hour, metered_kwh=50.0, settled_kwh=20.0)
        >>> found.reduction_kwh, found.lower_kwh, found.upper_kwh, found.within_band
        (10.0, 5.0, 15.0, False)
    """
    try:
        estimate.require_tiles(event)
    except DataRefusedError as error:
        return Corroboration(
            method_id=estimate.method_id,
            basis_sha256=estimate.basis_sha256,
            findings=(
                Finding(
                    code=FindingCode.METHOD_NOT_COMPUTABLE,
                    severity=Severity.INFO,
                    subject=f"method {estimate.method_id!r}",
                    message=str(error),
                ),
            ),
        )
    expected_kwh, lower_kwh, upper_kwh = (
        math.fsum(
            getattr(one, name) * ((one.interval_end_utc - one.interval_start_utc) / _HOUR)
            for one in estimate.intervals
        )
        for name in ("expected_kw", "lower_kw", "upper_kw")
    )
    lower_kwh, upper_kwh = lower_kwh - metered_kwh, upper_kwh - metered_kwh
    within = lower_kwh <= settled_kwh <= upper_kwh
    return Corroboration(
        method_id=estimate.method_id,
        basis_sha256=estimate.basis_sha256,
        expected_kwh=expected_kwh,
        reduction_kwh=expected_kwh - metered_kwh,
        lower_kwh=lower_kwh,
        upper_kwh=upper_kwh,
        difference_kwh=settled_kwh - (expected_kwh - metered_kwh),
        within_band=within,
        findings=()
        if within
        else (_outside(estimate.method_id, settled_kwh, lower_kwh, upper_kwh),),
    )


def _outside(method_id: str, settled_kwh: float, lower_kwh: float, upper_kwh: float) -> Finding:
    return Finding(
        code=FindingCode.OUTSIDE_ESTIMATED_BAND,
        severity=Severity.WARNING,
        subject=f"method {method_id!r}",
        message="the settled reduction lies outside the 90 % band of what the jobs in the hall "
        "explain: the program's baseline knows nothing of them",
        evidence={
            "settled_kwh": settled_kwh,
            "lower_kwh": lower_kwh,
            "upper_kwh": upper_kwh,
        },
    )
