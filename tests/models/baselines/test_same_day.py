"""Same-day baselines: PJM's 3 + 2, and our own before-and-after methods on one-minute data."""

from datetime import date, datetime

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import InsufficientHistoryError
from tests.models.baselines.conftest import load_of, window

DAY = date(2026, 7, 15)
THREE_PLUS_TWO = load_program("pjm_same_day_3_plus_2")
MINUTES = window("2026-07-15T18:00", "2026-07-15T19:31")


def by_hour(local: datetime) -> float:
    """Return ten times the clock hour [kW]."""
    return 10.0 * local.hour


def by_minute(local: datetime) -> float:
    """60 kW before 18:00, 30 kW in the event, 120 kW after 19:31."""
    minute = local.hour * 60 + local.minute
    return 60.0 if minute < 1080 else 30.0 if minute < 1171 else 120.0


def test_three_hours_before_and_two_after_weigh_equally() -> None:
    """Event in hours ending 13 to 17: hours ending 9 to 11 and 19 to 20 have 80, 90, 100, 180, 190.

    640 / 5 = 128 kW. Source: the example of the RTO Insider summary.
    """
    event = window("2026-07-15T12:00", "2026-07-15T17:00")

    result = compute_baseline(THREE_PLUS_TWO, load_of(by_hour, DAY, DAY), event)

    assert result.baseline_kwh.tolist() == [128.0] * 5
    assert result.days == ()


def test_windows_can_weigh_equally_or_the_lower_be_taken() -> None:
    """Means 90 and 185 kW: half each 137.5, the lower 90."""
    event = window("2026-07-15T12:00", "2026-07-15T17:00")
    load = load_of(by_hour, DAY, DAY)

    found = [
        compute_baseline(
            load_program("pjm_same_day_3_plus_2", overrides=(f"same_day.combine={how}",)),
            load,
            event,
        ).baseline_kwh[0]
        for how in ("windows", "minimum")
    ]

    assert found == [137.5, 90.0]


def test_ninety_one_minutes_have_a_baseline_of_ninety_one_intervals() -> None:
    """60 kW before: 1 kWh per minute."""
    load = load_of(by_minute, DAY, DAY, interval_minutes=1)

    result = compute_baseline(load_program("pre_event_hour"), load, MINUTES)

    assert result.adjusted_baseline_kwh.tolist() == [1.0] * 91
    assert result.metered_kwh.tolist() == [0.5] * 91


def test_before_and_after_is_the_mean_of_both_hours() -> None:
    """1 kWh per minute before, 2 after: 1.5."""
    load = load_of(by_minute, DAY, DAY, interval_minutes=1)

    result = compute_baseline(load_program("before_and_after"), load, MINUTES)

    assert result.adjusted_baseline_kwh.tolist() == [1.5] * 91


@pytest.mark.parametrize("anchor", ["event", "dispatch"])
def test_the_buffer_keeps_ramps_out(anchor: str) -> None:
    """Twenty minutes of 0 kW on either side of the event do not enter with the buffer of twenty."""

    def load_kw(local: datetime) -> float:
        minute = local.hour * 60 + local.minute
        return 0.0 if 1060 <= minute < 1191 else 60.0

    load = load_of(load_kw, DAY, DAY, interval_minutes=1)
    counted_from = f"same_day.anchor={anchor}"
    twenty = load_program("before_and_after", overrides=(counted_from,))
    none = load_program("before_and_after", overrides=(counted_from, "same_day.buffer_minutes=0"))

    kept_out = compute_baseline(twenty, load, MINUTES)
    let_in = compute_baseline(none, load, MINUTES)

    assert kept_out.baseline_kwh[0] == 1.0
    assert let_in.baseline_kwh[0] == pytest.approx(40 / 60)


def test_the_hour_before_ends_where_a_stated_ramp_begins() -> None:
    """Power falls from 60 to 0 kW at 17:40: without the ramp 40 of 60 minutes are at 60 kW."""

    def load_kw(local: datetime) -> float:
        return 60.0 if local.hour * 60 + local.minute < 1060 else 0.0

    load = load_of(load_kw, DAY, DAY, interval_minutes=1)
    rule = load_program("pre_event_hour")

    plain = compute_baseline(rule, load, MINUTES)
    ramped = compute_baseline(rule, load, MINUTES, ramp_minutes=20)

    assert plain.baseline_kwh[0] == pytest.approx(40 / 60)
    assert ramped.baseline_kwh[0] == 1.0


def test_the_second_step_of_a_dispatch_is_compared_with_the_hour_before_the_first() -> None:
    """As in the APS trial: 18:00 to 19:31, then 19:40 to 21:02; before 18:00 there are 60 kW."""
    load = load_of(by_minute, DAY, DAY, interval_minutes=1)
    second = window("2026-07-15T19:40", "2026-07-15T21:02")

    result = compute_baseline(
        load_program("pre_event_hour"), load, second, other_event_windows=[MINUTES]
    )

    assert result.baseline_kwh.tolist() == [1.0] * 82


def test_a_few_missing_minutes_are_left_out_and_more_are_refused() -> None:
    """Three of sixty are 5 %, the limit; four are not."""

    def load_with_gap(count: int) -> float:
        def load_kw(local: datetime) -> float:
            gone = local.hour == 17 and local.minute < count
            return np.nan if gone else by_minute(local)

        load = load_of(load_kw, DAY, DAY, interval_minutes=1)
        rule = load_program("pre_event_hour")
        return float(compute_baseline(rule, load, MINUTES).baseline_kwh[0])

    assert load_with_gap(3) == 1.0
    with pytest.raises(InsufficientHistoryError, match=r"at least 60 .* found 56"):
        load_with_gap(4)


def test_eighty_minutes_before_the_event_are_too_few_for_three_plus_two() -> None:
    """As in the Phoenix trial: the load begins at 16:40, the event at 18:00."""

    def load_kw(local: datetime) -> float:
        return np.nan if local.hour * 60 + local.minute < 1000 else 60.0

    load = load_of(load_kw, DAY, DAY, interval_minutes=1)

    with pytest.raises(InsufficientHistoryError, match="pjm_same_day_3_plus_2@"):
        compute_baseline(THREE_PLUS_TWO, load, window("2026-07-15T18:00", "2026-07-15T19:00"))


def test_hours_of_another_event_are_not_undisturbed() -> None:
    other = window("2026-07-15T09:00", "2026-07-15T09:30")
    event = window("2026-07-15T12:00", "2026-07-15T17:00")

    with pytest.raises(InsufficientHistoryError, match=r"at least 3 .* found 2"):
        compute_baseline(
            THREE_PLUS_TWO, load_of(by_hour, DAY, DAY), event, other_event_windows=[other]
        )


def test_a_window_shorter_than_an_interval_is_refused() -> None:
    rule = load_program(
        "pjm_same_day_3_plus_2", overrides=("same_day.before={start_h=-1.5, end_h=-1}",)
    )

    with pytest.raises(InsufficientHistoryError, match="window shorter than one"):
        compute_baseline(
            rule, load_of(by_hour, DAY, DAY), window("2026-07-15T12:00", "2026-07-15T17:00")
        )


def test_windows_as_long_as_the_event_keep_the_edge_that_faces_it() -> None:
    """Event of 16:00 to 19:00: 13:00 to 16:00 has 130, 140, 150; 19:00 to 22:00 190, 200, 210 kW.

    The lower of the means 140 and 200 kW, in half hours 70 kWh.
    """
    load = load_of(by_hour, DAY, DAY, interval_minutes=30)
    rule = load_program(
        "france_nebef_rectangle", overrides=("settlement_clock.tz=America/New_York",)
    )

    result = compute_baseline(rule, load, window("2026-07-15T16:00", "2026-07-15T19:00"))

    assert result.baseline_kwh.tolist() == [70.0] * 6


@pytest.mark.parametrize(("minute", "expected_kw"), [(959, 900.0), (960, 900.0), (961, 60.0)])
def test_synchronized_reserve_starts_from_the_greatest_reading_of_two_minutes(
    minute: int, expected_kw: float
) -> None:
    """A peak of 900 kW in the minute before 16:00 or in the first one counts, a later one not."""

    def load_kw(local: datetime) -> float:
        return 900.0 if local.hour * 60 + local.minute == minute else 60.0

    load = load_of(load_kw, DAY, DAY, interval_minutes=1)
    event = window("2026-07-15T16:00", "2026-07-15T16:12")

    result = compute_baseline(load_program("pjm_synchronized_reserve"), load, event)

    assert result.baseline_kwh.tolist() == [expected_kw / 60] * 12
