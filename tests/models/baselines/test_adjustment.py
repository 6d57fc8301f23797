"""The same-day adjustment of an event from 17:00 to 19:00 on Wednesday 15 July 2026.

Earlier days are flat at 100 kW, so the baseline is 100 kW; the event day is told by clock hour.
"""

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from tests.models.baselines.conftest import at, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
DAY = date(2026, 7, 15)
NEEDED = {13: 130.0, 14: 110.0, 15: 90.0}  # [-4 h, -1 h) before 17:00


def baseline_of(
    hours_kw: Mapping[int, float],
    *overrides: str,
    program_id: str = "pjm_economic_3day",
    other: tuple[Interval, ...] = (),
    notified_at_utc: datetime | None = None,
    site: SiteInputs | None = None,
) -> BaselineResult:
    def load_kw(local: datetime) -> float:
        return hours_kw.get(local.hour, 100.0) if local.date() == DAY else 100.0

    return compute_baseline(
        load_program(program_id, overrides=overrides),
        load_of(load_kw, date(2026, 6, 1), date(2026, 7, 15)),
        EVENT,
        other_event_windows=other,
        notified_at_utc=notified_at_utc,
        site=site,
    )


def test_additive_adds_the_mean_difference_of_the_window() -> None:
    """(130 + 110 + 90) / 3 = 110 kW metered, 100 kW baseline: 10 kW are added.

    16:00, the hour before the event, does not count: its 500 kW change nothing.
    """
    result = baseline_of(NEEDED | {16: 500.0})

    made = result.adjustment
    assert result.adjusted_baseline_kwh.tolist() == [110.0, 110.0]
    assert (made.kind, made.window_metered_kw, made.window_baseline_kw) == ("additive", 110, 100)
    assert (made.uncapped_value, made.applied_value) == (10.0, 10.0)


def test_additive_may_lower_the_baseline_where_it_is_symmetric() -> None:
    """(70 + 70 + 70) / 3 - 100 = -30 kW."""
    lowered = dict.fromkeys(NEEDED, 70.0)

    assert baseline_of(lowered).adjusted_baseline_kwh.tolist() == [70.0, 70.0]
    up_only = baseline_of(lowered, "adjustment.direction=up_only")
    assert up_only.adjusted_baseline_kwh.tolist() == [100.0, 100.0]
    assert up_only.adjustment.uncapped_value == -30.0


def test_down_only_never_raises_it() -> None:
    result = baseline_of(NEEDED, "adjustment.direction=down_only")

    assert result.adjusted_baseline_kwh.tolist() == [100.0, 100.0]


def test_an_additive_cap_is_in_kw() -> None:
    result = baseline_of(NEEDED, 'adjustment.cap={kind="kw", lower=-5, upper=5}')

    assert result.adjusted_baseline_kwh.tolist() == [105.0, 105.0]
    assert result.adjustment.uncapped_value == 10.0


@pytest.mark.parametrize(
    ("level_kw", "ratio", "applied"), [(110.0, 1.1, 1.1), (150.0, 1.5, 1.2), (50.0, 0.5, 0.8)]
)
def test_multiplicative_is_held_between_its_two_limits(
    level_kw: float, ratio: float, applied: float
) -> None:
    """CAISO in New York's clock: the same hours before the same event."""
    result = baseline_of(
        dict.fromkeys(NEEDED, level_kw),
        "settlement_clock.tz=America/New_York",
        program_id="caiso_10_in_10",
    )

    assert result.adjustment.uncapped_value == pytest.approx(ratio, rel=1e-15)
    assert result.adjusted_baseline_kwh == pytest.approx([100 * applied] * 2, rel=1e-15)


def test_nyiso_looks_at_the_two_hours_that_start_four_hours_before() -> None:
    """13:00 and 14:00: (130 + 110) / 200 = 1.2; 15:00 does not count."""
    result = baseline_of({13: 130.0, 14: 110.0, 15: 999.0}, program_id="nyiso_average_day")

    assert result.adjustment.applied_value == 1.2


def test_the_window_after_the_event_counts_where_the_rule_has_one() -> None:
    """Before 110, 110, 110; 19:00 and 20:00 at 160: (330 + 320) / 5 = 130: 30 kW."""
    hours_kw = dict.fromkeys(NEEDED, 110.0) | {19: 160.0, 20: 160.0}

    result = baseline_of(hours_kw, "adjustment.post={start_h=0, end_h=2}")

    assert result.adjustment.applied_value == 30.0


def test_hours_of_another_event_do_not_count() -> None:
    """14:30 to 15:00 was another event: 13:00 and 15:00 remain, (130 + 90) / 2 = 110."""
    other = window("2026-07-15T14:30", "2026-07-15T15:00")

    result = baseline_of(NEEDED | {14: 5.0}, other=(other,))

    assert result.adjustment.window_metered_kw == 110.0


def test_the_notification_can_be_the_anchor() -> None:
    """Notified at 15:00: the window of one hour before is 14:00, 110 kW."""
    result = baseline_of(
        NEEDED,
        "adjustment.anchor=notification",
        "adjustment.pre={start_h=-1, end_h=0}",
        notified_at_utc=at("2026-07-15T15:00"),
    )

    assert result.adjustment.window_metered_kw == 110.0


def test_a_notification_during_the_event_lets_none_of_its_load_in() -> None:
    """Notified at 18:30, window of two hours before: 17:00 is event; 16:30 is no whole hour.

    Nothing is left, and the rule fails by name.
    """
    with pytest.raises(InsufficientHistoryError, match="adjustment window"):
        baseline_of(
            {16: 120.0, 17: 1.0, 18: 1.0},
            "adjustment.anchor=notification",
            "adjustment.pre={start_h=-2, end_h=0}",
            notified_at_utc=at("2026-07-15T18:30"),
        )


def test_an_anchor_that_is_not_known_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="state the time of notification"):
        baseline_of(NEEDED, "adjustment.anchor=notification")


def test_missing_load_in_the_window_fails_skips_or_is_left_out_as_the_rule_says() -> None:
    """13:00 is not known; 14:00 and 15:00 have (110 + 90) / 2 = 100 kW, then 120 kW."""
    hours_kw = {13: np.nan, 14: 120.0, 15: 120.0}

    with pytest.raises(InsufficientHistoryError, match=r"at least 3 fully measured .* found 2"):
        baseline_of(hours_kw)
    skipped = baseline_of(hours_kw, "adjustment.on_missing=skip_adjustment")
    available = baseline_of(hours_kw, "adjustment.on_missing=use_available")

    assert skipped.adjusted_baseline_kwh.tolist() == [100.0, 100.0]
    assert skipped.adjustment.note == "not made: 33.33% of its window was not measured"
    assert available.adjustment.applied_value == 20.0


def test_only_the_measured_hours_are_compared() -> None:
    """Earlier days: 400 kW at 13:00 and 100 kW else; 13:00 of the event day is not known.

    120 kW is compared with 100 kW, not with (400 + 100 + 100) / 3 = 200 kW.
    """

    def load_kw(local: datetime) -> float:
        if local.date() == DAY:
            return np.nan if local.hour == 13 else 120.0
        return 400.0 if local.hour == 13 else 100.0

    rule = load_program("pjm_economic_3day", overrides=("adjustment.on_missing=use_available",))

    result = compute_baseline(rule, load_of(load_kw, date(2026, 6, 1), DAY), EVENT)

    assert result.adjustment.window_baseline_kw == 100.0


def test_no_ratio_is_formed_over_nothing() -> None:
    """The minimum denominator is above the baseline of 100 kW."""
    result = baseline_of(
        NEEDED,
        "adjustment.type=multiplicative",
        "adjustment.min_denominator_kw=100",
    )

    assert result.adjusted_baseline_kwh.tolist() == [100.0, 100.0]
    assert "too low for a ratio" in result.adjustment.note


def test_the_window_can_be_compared_with_all_days_considered() -> None:
    """Event hours rank the days; their windows differ.

    14 July: 100 kW in the event hours, 50 kW in the window; the other four have 100 and 100. All
    are equal in the event hours, so the four most recent are kept: window 350 / 4 = 87.5; all five
    450 / 5 = 90.
    """

    def load_kw(local: datetime) -> float:
        if local.date() == date(2026, 7, 14) and local.hour in NEEDED:
            return 50.0
        return 110.0 if local.date() == DAY else 100.0

    load = load_of(load_kw, date(2026, 6, 1), DAY)
    all_days = load_program("pjm_economic_3day", overrides=("adjustment.basis=window_days",))

    selected = compute_baseline(load_program("pjm_economic_3day"), load, EVENT)
    considered = compute_baseline(all_days, load, EVENT)

    assert selected.adjustment.window_baseline_kw == 87.5
    assert considered.adjustment.window_baseline_kw == 90.0


def test_an_additive_cap_may_be_a_percentage_of_the_baseline() -> None:
    """10 kW more, at most 4 % of 100 kW: 4 kW; 30 kW less, at most 7 %: 7 kW."""
    cap = "adjustment.cap={kind='percent_of_baseline', lower=-7, upper=4}"

    assert baseline_of(NEEDED, cap).adjusted_baseline_kwh.tolist() == [104.0, 104.0]
    lowered = baseline_of(dict.fromkeys(NEEDED, 70.0), cap)
    assert lowered.adjustment.uncapped_value == -30.0
    assert lowered.adjusted_baseline_kwh.tolist() == [93.0, 93.0]


@pytest.mark.parametrize(
    ("anchor", "site"),
    [
        ("dispatch_instruction", SiteInputs(instructed_at_utc=at("2026-07-15T15:00"))),
        ("gate_closure", SiteInputs(gate_closed_at_utc=at("2026-07-15T15:00"))),
    ],
)
def test_the_instruction_or_the_gate_can_be_the_anchor(anchor: str, site: SiteInputs) -> None:
    """At 15:00: the window of one hour before is 14:00, 110 kW."""
    overrides = (f"adjustment.anchor={anchor}", "adjustment.pre={start_h=-1, end_h=0}")

    assert baseline_of(NEEDED, *overrides, site=site).adjustment.window_metered_kw == 110.0
    with pytest.raises(DataRefusedError, match=f"state the time of {anchor.replace('_', ' ')}"):
        baseline_of(NEEDED, *overrides)


@pytest.mark.parametrize(
    ("override", "expected_kwh"),
    [("baseline_floor_kw=115", 115.0), ("baseline_ceiling_kw=105", 105.0)],
)
def test_the_adjusted_baseline_stays_within_the_rules_bounds(
    override: str, expected_kwh: float
) -> None:
    """110 kW without bounds; the unadjusted baseline stays at 100."""
    result = baseline_of(NEEDED, override)

    assert result.adjusted_baseline_kwh.tolist() == [expected_kwh] * 2
    assert result.baseline_kwh.tolist() == [100.0, 100.0]
