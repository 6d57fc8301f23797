"""Load elsewhere in the event, against a baseline of 100 kWh in each hour."""

import math
from collections.abc import Callable

import pytest

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import DeclaredSite
from negawatt.models.verification.leakage import LeakageOutcome, leakage_of
from tests.models.verification.conftest import START_UTC, load_from

BaselineOf = Callable[[LoadSeries], BaselineResult]


@pytest.fixture
def against_100(baseline_of: Callable[..., BaselineResult]) -> BaselineOf:
    def compute(load: LoadSeries) -> BaselineResult:
        return baseline_of([100] * len(load.energy_kwh), list(load.energy_kwh))

    return compute


def site(site_id: str, *used_kwh: float) -> DeclaredSite:
    return DeclaredSite(site_id=site_id, load=load_from(START_UTC, used_kwh, 60))


def test_a_rise_elsewhere_is_stated_as_share_of_the_reduction(against_100: BaselineOf) -> None:
    """East used 110 + 105 of 200 kWh, west 195: 15 - 5 = 10 kWh of a reduction of 40, a quarter."""
    leakage = leakage_of(40.0, (site("west", 100, 95), site("east", 110, 105)), against_100)

    assert leakage.outcome is LeakageOutcome.ROSE
    assert [one.site_id for one in leakage.sites] == ["east", "west"]
    assert [one.rise_kwh for one in leakage.sites] == [15, -5]
    assert (leakage.rise_kwh, leakage.rise_ratio) == (10, 0.25)


def test_work_that_moved_between_two_other_sites_leaked_nothing(against_100: BaselineOf) -> None:
    leakage = leakage_of(40.0, (site("a", 120), site("b", 80)), against_100)

    assert leakage.outcome is LeakageOutcome.NOT_SEEN
    assert leakage.rise_kwh == 0


def test_a_rise_at_the_limit_is_not_called_one(against_100: BaselineOf) -> None:
    """2 of 40 kWh are the 5 % of the limit."""
    assert leakage_of(40.0, (site("a", 102),), against_100).outcome is LeakageOutcome.NOT_SEEN
    assert leakage_of(40.0, (site("a", 102.5),), against_100).outcome is LeakageOutcome.ROSE


def test_sites_that_nobody_declared_are_not_said_to_be_quiet(against_100: BaselineOf) -> None:
    assert leakage_of(40.0, None, against_100).outcome is LeakageOutcome.NOT_DECLARED
    assert leakage_of(40.0, (), against_100).outcome is LeakageOutcome.NOT_SEEN


def test_one_site_without_figures_leaves_the_sum_unknown(against_100: BaselineOf) -> None:
    dark = DeclaredSite(site_id="dark", load=None)

    leakage = leakage_of(40.0, (site("a", 130), dark), against_100)

    assert leakage.outcome is LeakageOutcome.NOT_COMPUTABLE
    assert leakage.rise_kwh is None
    assert leakage.sites[0].rise_kwh == 30
    assert leakage.sites[1].note == "declared, and not measured"


def test_a_gap_and_a_refused_baseline_are_no_quiet_site(against_100: BaselineOf) -> None:
    def refuse(_load: LoadSeries) -> BaselineResult:
        raise DataRefusedError(thing="t", expected="days", found="none", remedy="wait")

    gap = leakage_of(40.0, (site("a", math.nan),), against_100)
    refused = leakage_of(40.0, (site("a", 100),), refuse)

    assert gap.outcome is LeakageOutcome.NOT_COMPUTABLE
    assert refused.outcome is LeakageOutcome.NOT_COMPUTABLE
    assert "expected days" in refused.sites[0].note


def test_without_a_reduction_there_is_nothing_to_leak(against_100: BaselineOf) -> None:
    for reduction_kwh in (None, 0.0, -3.0):
        leakage = leakage_of(reduction_kwh, (site("a", 130),), against_100)

        assert leakage.outcome is LeakageOutcome.NOT_COMPUTABLE
