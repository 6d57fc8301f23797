from collections.abc import Callable

import pytest

from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.obligation import obligation_of, pre_event_kw_mean

LoadAround = Callable[..., tuple[LoadSeries, Interval]]


def event_of(window: Interval, **stated: float) -> Event:
    return Event(event_id="e", revision=1, site_id="s", program_id="p", interval=window, **stated)  # type: ignore[arg-type]  # only powers and ratios are given


def test_a_target_ratio_gives_a_commitment_and_a_limit(load_around: LoadAround) -> None:
    """90 and 110 kW in the hour before: 25 % of 100 kW is owed, 75 kW not to be exceeded."""
    load, window = load_around([500, 90, 110], [70, 70])

    obligation = obligation_of(event_of(window, target_reduction_ratio=0.25), load)

    assert obligation.pre_event_kw_mean == 100.0
    assert obligation.committed.power_kw == 25.0
    assert obligation.limit.power_kw == 75.0
    assert obligation.limit.basis == (
        "derived: target_reduction_ratio 0.25 of the hour before the event, 100.000 kW"
    )


def test_what_the_event_states_comes_before_what_is_derived(load_around: LoadAround) -> None:
    load, window = load_around([100, 100], [70, 70])

    obligation = obligation_of(
        event_of(window, target_reduction_ratio=0.25, committed_kw=20.0, limit_kw=80.0), load
    )

    assert (obligation.committed.power_kw, obligation.limit.power_kw) == (20.0, 80.0)
    assert obligation.committed.basis == "committed_kw of the event"


def test_an_event_that_states_nothing_sets_nothing(load_around: LoadAround) -> None:
    load, window = load_around([100, 100], [70, 70])

    obligation = obligation_of(event_of(window), load)

    assert not obligation.committed.is_set
    assert not obligation.limit.is_set


def test_a_target_of_an_unknown_load_is_set_but_not_known(load_around: LoadAround) -> None:
    load, window = load_around([float("nan"), 100], [70, 70])

    obligation = obligation_of(event_of(window, target_reduction_ratio=0.25), load)

    assert obligation.limit.is_set
    assert obligation.limit.power_kw is None
    assert "not known" in obligation.limit.basis


@pytest.mark.parametrize(("ramp_minutes", "expected_kw"), [(0, 80.0), (30, 100.0)])
def test_the_hour_before_ends_where_the_ramp_begins(
    load_around: LoadAround, ramp_minutes: int, expected_kw: float
) -> None:
    """100, 100, then 60 kW in a ramp of half an hour."""
    load, window = load_around([100, 100, 60], [50])

    assert pre_event_kw_mean(load, window, ramp_minutes=ramp_minutes) == expected_kw
