"""The settled figure beside a recorded estimate: an hour at 50 kW where 60 were expected."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.corroboration import (
    EstimatedInterval,
    RecordedEstimate,
    corroborate,
)

START_UTC = datetime(2026, 6, 30, 18, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = Interval(START_UTC, START_UTC + 4 * QUARTER)


def said(*expected_kw: float, half_width_kw: float = 5.0) -> RecordedEstimate:
    """Return an estimate of quarters from the event's start."""
    return RecordedEstimate(
        method_id="job_aware@1",
        basis_sha256="0" * 64,
        intervals=tuple(
            EstimatedInterval(
                interval_start_utc=START_UTC + number * QUARTER,
                interval_end_utc=START_UTC + (number + 1) * QUARTER,
                expected_kw=kw,
                lower_kw=kw - half_width_kw,
                upper_kw=kw + half_width_kw,
            )
            for number, kw in enumerate(expected_kw)
        ),
    )


def test_quarters_add_up_to_the_energy_of_the_hour() -> None:
    """(50 + 60 + 60 + 70) / 4 = 60 kWh; less 50 metered is 10, in 5 to 15."""
    found = corroborate(said(50, 60, 60, 70), HOUR, metered_kwh=50.0, settled_kwh=12.0)

    assert (found.expected_kwh, found.reduction_kwh) == (60.0, 10.0)
    assert (found.lower_kwh, found.upper_kwh) == (5.0, 15.0)
    assert (found.difference_kwh, found.within_band, found.findings) == (2.0, True, ())


@pytest.mark.parametrize(("settled_kwh", "within"), [(5.0, True), (15.0, True), (15.001, False)])
def test_the_edges_of_the_band_belong_to_it(settled_kwh: float, *, within: bool) -> None:
    found = corroborate(said(60, 60, 60, 60), HOUR, metered_kwh=50.0, settled_kwh=settled_kwh)

    assert found.within_band is within
    assert [one.code for one in found.findings] == (
        [] if within else [FindingCode.OUTSIDE_ESTIMATED_BAND]
    )


@given(st.floats(0, 1e4), st.floats(-1e4, 1e4))
def test_the_difference_is_the_same_wherever_the_meter_stands(
    metered_kwh: float, settled_kwh: float
) -> None:
    found = corroborate(
        said(60, 60, 60, 60), HOUR, metered_kwh=metered_kwh, settled_kwh=settled_kwh
    )

    assert found.difference_kwh == pytest.approx(settled_kwh - (60 - metered_kwh))


@pytest.mark.parametrize("estimate", [said(60, 60, 60), said(60, 60, 60, 60, 60), said()])
def test_an_estimate_of_another_window_says_nothing_and_says_so(
    estimate: RecordedEstimate,
) -> None:
    found = corroborate(estimate, HOUR, metered_kwh=50.0, settled_kwh=12.0)

    assert (found.reduction_kwh, found.within_band) == (None, None)
    assert [one.code for one in found.findings] == [FindingCode.METHOD_NOT_COMPUTABLE]


def test_a_gap_inside_is_no_event() -> None:
    first, _, *rest = said(60, 60, 60, 60).intervals
    estimate = RecordedEstimate(method_id="m", basis_sha256="", intervals=(first, *rest))

    with pytest.raises(DataRefusedError, match="with gaps or overlaps"):
        estimate.require_tiles(HOUR)


def test_an_estimate_outside_its_own_band_is_none() -> None:
    with pytest.raises(ValueError, match="must lie in its band"):
        said(60.0, half_width_kw=-1.0)
