"""Storage and generation behind a meter whose baseline, and the load's, is its first hour."""

import math
from datetime import timedelta

import numpy as np
import pytest

from negawatt.models.baselines.result import Adjustment, BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import Context, OnSiteKind, OnSiteMeter
from negawatt.models.verification.on_site import on_site_of
from tests.models.verification.conftest import START_UTC, load_from

HOUR = timedelta(hours=1)
EVENT = Interval(START_UTC + HOUR, START_UTC + 2 * HOUR)


def like_the_hour_before(load: LoadSeries) -> BaselineResult:
    expected, used = load.energy_kwh[:1], load.energy_kwh[1:2]
    return BaselineResult(
        program_id="p",
        rule_id="r",
        rule_digest="0" * 64,
        meter_id="m",
        interval_minutes=60,
        interval_start_utc=(EVENT.start_utc,),
        baseline_kwh=expected,
        adjusted_baseline_kwh=expected,
        metered_kwh=used,
        days=(),
        adjustment=Adjustment(kind="none"),
    )


def battery(*given_kwh: float, minutes: int = 60) -> OnSiteMeter:
    output = load_from(START_UTC, given_kwh, minutes)
    return OnSiteMeter(meter_id="battery", kind=OnSiteKind.STORAGE, output=output)


METER = load_from(START_UTC, [100.0, 70.0], 60)


def test_what_a_battery_gave_is_no_load_that_was_given_up() -> None:
    """The meter fell from 100 to 70; a battery that charged 5 before gave 20 of that.

    The load itself went from 100 - 5 = 95 to 70 + 20 = 90: 5 kWh, and 25 are the battery's.
    """
    context = Context(on_site=(battery(-5.0, 20.0),))

    found = on_site_of(30.0, METER, EVENT, context, like_the_hour_before)

    assert found.load_reduction_kwh == 5
    assert found.on_site_reduction_kwh == 25
    assert found.outputs[0].event_kwh == 20
    assert [finding.code for finding in found.findings] == [FindingCode.STORAGE_DISCHARGED]


def test_a_program_that_counts_storage_needs_no_finding() -> None:
    context = Context(on_site=(battery(0.0, 20.0),), counts_on_site=True)

    assert on_site_of(30.0, METER, EVENT, context, like_the_hour_before).findings == ()


def test_storage_that_was_charged_and_generation_are_no_finding() -> None:
    sun = OnSiteMeter(
        meter_id="sun", kind=OnSiteKind.GENERATION, output=load_from(START_UTC, [8.0, 8.0], 60)
    )
    context = Context(on_site=(sun, battery(0.0, -2.0)))

    found = on_site_of(30.0, METER, EVENT, context, like_the_hour_before)

    assert found.findings == ()
    assert [one.meter_id for one in found.outputs] == ["battery", "sun"]
    # Load: 100 + 8 before, 70 + 8 - 2 in the event.
    assert found.load_reduction_kwh == 32


def test_an_output_that_starts_later_is_not_taken_for_zero() -> None:
    late = load_from(START_UTC + HOUR, [20.0], 60)
    meter = OnSiteMeter(meter_id="battery", kind=OnSiteKind.STORAGE, output=late)

    found = on_site_of(30.0, METER, EVENT, Context(on_site=(meter,)), like_the_hour_before)

    assert found.load_reduction_kwh is None
    assert found.on_site_reduction_kwh is None
    assert found.outputs[0].event_kwh == 20


@pytest.mark.parametrize(
    ("meter", "note"),
    [
        (OnSiteMeter(meter_id="b", kind=OnSiteKind.STORAGE, output=None), "was not measured"),
        (battery(1.0, 1.0, 1.0, 1.0, minutes=30), "another length"),
    ],
)
def test_a_meter_that_cannot_be_added_is_named(meter: OnSiteMeter, note: str) -> None:
    found = on_site_of(30.0, METER, EVENT, Context(on_site=(meter,)), like_the_hour_before)

    assert found.load_reduction_kwh is None
    assert note in found.note


def test_a_refused_baseline_and_an_unknown_hour_are_noted() -> None:
    def refuse(_load: LoadSeries) -> BaselineResult:
        raise DataRefusedError(thing="t", expected="days", found="none", remedy="wait")

    context = Context(on_site=(battery(0.0, math.nan),))

    assert "expected days" in on_site_of(30.0, METER, EVENT, context, refuse).note
    found = on_site_of(30.0, METER, EVENT, context, like_the_hour_before)
    assert "not known" in found.note
    assert found.outputs[0].event_kwh is None


def test_nothing_declared_and_nothing_there_are_two_answers() -> None:
    silent = on_site_of(30.0, METER, EVENT, Context(), like_the_hour_before)
    nothing = on_site_of(30.0, METER, EVENT, Context(on_site=()), like_the_hour_before)

    assert not silent.is_declared
    assert silent.load_reduction_kwh is None
    assert nothing.is_declared
    assert nothing.load_reduction_kwh == 30
    assert np.isclose(nothing.on_site_reduction_kwh or 0.0, 0.0)
