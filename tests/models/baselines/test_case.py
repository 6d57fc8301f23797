from datetime import UTC, date, datetime

import numpy as np
import pytest

from negawatt.models.baselines.case import make_case
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import daily, load_of, window

RULE = load_program("pjm_economic_3day")
DAY = date(2026, 7, 15)


def series(energy_kwh: list[float], interval_minutes: int, minute: int = 0) -> LoadSeries:
    return LoadSeries(
        meter_id="m1",
        start_utc=datetime(2026, 7, 1, 0, minute, tzinfo=UTC),
        interval_minutes=interval_minutes,
        energy_kwh=np.array(energy_kwh),
        coverage_ratio=np.linspace(0.5, 1.0, len(energy_kwh)),
    )


def test_finer_load_is_summed_and_its_coverage_averaged() -> None:
    """1 + 2 = 3 kWh; coverage of four halves 3/6, 4/6, 5/6, 6/6: hours 7/12 and 11/12."""
    hourly = at_interval(series([1.0, 2.0, 3.0, 4.0], 30), 60)

    assert hourly.energy_kwh.tolist() == [3.0, 7.0]
    assert hourly.coverage_ratio == pytest.approx([7 / 12, 11 / 12])


def test_hours_that_are_covered_in_part_are_left_out_at_both_ends() -> None:
    """From 00:30 to 02:30 only the hour from 01:00 is whole: 2 + 3 kWh."""
    hourly = at_interval(series([1.0, 2.0, 3.0, 4.0], 30, minute=30), 60)

    assert hourly.start_utc == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert hourly.energy_kwh.tolist() == [5.0]


def test_a_part_that_is_not_known_makes_the_hour_not_known() -> None:
    assert np.isnan(at_interval(series([1.0, np.nan], 30), 60).energy_kwh).all()


def test_the_event_window_is_hidden_from_the_methods() -> None:
    event = window("2026-07-15T16:00", "2026-07-15T18:00")
    load = load_of(daily({}), DAY, DAY)

    case = make_case(RULE, load, event, other_event_windows=(), notified_at_utc=None)

    assert np.isnan(case.history.energy_kwh_in(event)).all()
    assert int(np.isnan(case.history.energy_kwh).sum()) == 2
    assert case.metered_kwh.tolist() == [100.0, 100.0]
    assert not np.isnan(load.energy_kwh).any()


def test_only_whole_intervals_of_a_window_count() -> None:
    """From 13:07 to 15:53 the whole hours are 14:00."""
    event = window("2026-07-15T18:00", "2026-07-15T19:00")
    case = make_case(
        RULE,
        load_of(daily({}), DAY, DAY),
        event,
        other_event_windows=[window("2026-07-15T15:30", "2026-07-15T15:40")],
        notified_at_utc=None,
    )

    whole = case.starts_in(window("2026-07-15T13:07", "2026-07-15T15:53"))
    quiet = case.undisturbed(case.starts_in(window("2026-07-15T14:00", "2026-07-15T19:00")))

    assert [f"{start:%H}" for start in whole] == ["18"]  # 14:00 in New York
    assert [f"{start:%H}" for start in quiet] == ["18", "20", "21"]  # without 15:00 and 18:00


def test_coarser_load_than_the_rules_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="divides the rule's 30 minutes, found 60 minutes"):
        at_interval(series([1.0, 2.0], 60), 30)


def test_load_without_one_whole_interval_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="at least one whole interval of 60 minutes"):
        at_interval(series([1.0], 30), 60)


def test_an_event_off_the_rules_grid_is_refused_with_a_way_out() -> None:
    event = window("2026-07-15T16:00", "2026-07-15T17:31")

    with pytest.raises(DataRefusedError, match=r"event end .* 60-minute .* shorter interval"):
        make_case(
            RULE,
            load_of(daily({}), DAY, DAY, interval_minutes=1),
            event,
            other_event_windows=(),
            notified_at_utc=None,
        )
