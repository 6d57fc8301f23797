"""The baselines here predict a constant, so that every error is a subtraction by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from negawatt.models.baselines.result import Adjustment, BaselineResult
from negawatt.models.domain.errors import ConfigurationError, InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.uncertainty.placebo import placebo_errors

UTC_CLOCK = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def any_day(_day: date) -> bool:
    return True


def load_of_days(window_kwh: Sequence[float], start_utc: datetime = MONDAY) -> LoadSeries:
    """Return hourly days that use 1 kWh an hour, but the given energy from 16:00 to 17:00 UTC."""
    energy_kwh = np.ones((len(window_kwh), 24))
    energy_kwh[:, 16] = window_kwh
    return LoadSeries(
        meter_id="m",
        start_utc=start_utc,
        interval_minutes=60,
        energy_kwh=energy_kwh.ravel(),
        coverage_ratio=np.ones(energy_kwh.size),
    )


def window_on(day_number: int, start_utc: datetime = MONDAY) -> Interval:
    start = start_utc + day_number * DAY + 16 * HOUR
    return Interval(start, start + HOUR)


def result_of(window: Interval, predicted_kwh: list[float], load: LoadSeries) -> BaselineResult:
    predicted = np.array(predicted_kwh)
    return BaselineResult(
        program_id="p",
        rule_id="r",
        rule_digest="0" * 64,
        meter_id=load.meter_id,
        interval_minutes=load.interval_minutes,
        interval_start_utc=tuple(
            window.start_utc + position * load.interval for position in range(len(predicted))
        ),
        baseline_kwh=predicted,
        adjusted_baseline_kwh=predicted,
        metered_kwh=load.energy_kwh_in(window),
        days=(),
        adjustment=Adjustment(kind="none"),
    )


class Recorder:
    """Predicts what it was told, and keeps what it was given."""

    def __init__(self, predicted_kwh: float) -> None:
        self.predicted_kwh = predicted_kwh
        self.windows: list[Interval] = []
        self.loads: list[LoadSeries] = []
        self.others: list[tuple[Interval, ...]] = []
        self.notified: list[datetime | None] = []

    def __call__(  # noqa: D102 - documented by the protocol
        self,
        load: LoadSeries,
        event: Interval,
        /,
        *,
        other_event_windows: Sequence[Interval] = (),
        notified_at_utc: datetime | None = None,
    ) -> BaselineResult:
        self.windows.append(event)
        self.loads.append(load)
        self.others.append(tuple(other_event_windows))
        self.notified.append(notified_at_utc)
        return result_of(event, [self.predicted_kwh], load)


def test_the_error_is_predicted_less_actual_with_its_rmse_and_bias() -> None:
    """Predicted 10 against 8, 12, 10: errors 2, -2, 0 (most recent day first: 0, -2, 2).

    RRMSE = sqrt(8 / 3) / 10; bias = 0 / 30.
    """
    load = load_of_days([8.0, 12.0, 10.0, 3.0])

    placebo = placebo_errors(
        Recorder(10.0), load, window_on(3), time_zone=UTC_CLOCK, is_like_day=any_day
    )

    assert placebo.dates == (date(2026, 6, 3), date(2026, 6, 2), date(2026, 6, 1))
    assert placebo.errors_kwh == (0.0, -2.0, 2.0)
    assert placebo.interval_errors_kwh.tolist() == [[0.0], [-2.0], [2.0]]
    assert placebo.rrmse_ratio == pytest.approx((8 / 3) ** 0.5 / 10)
    assert placebo.bias_ratio == 0.0


def test_a_baseline_that_is_too_high_has_a_positive_bias() -> None:
    """Predicted 11 against 10 and 10: 2 / 20."""
    load = load_of_days([10.0, 10.0, 3.0])

    placebo = placebo_errors(
        Recorder(11.0), load, window_on(2), time_zone=UTC_CLOCK, is_like_day=any_day
    )

    assert placebo.bias_ratio == pytest.approx(0.1)


def test_only_days_like_the_events_are_ordinary() -> None:
    """Days 0 to 6 are Monday to Sunday: of the 13 days before Sunday the 14th, one is a Sunday."""
    placebo = placebo_errors(
        Recorder(10.0),
        load_of_days([10.0] * 14),
        window_on(13),
        time_zone=UTC_CLOCK,
        is_like_day=lambda day: day.isoweekday() == 7,
    )

    assert placebo.dates == (date(2026, 6, 7),)
    assert placebo.refused == ()


def test_days_that_another_event_touches_are_not_ordinary() -> None:
    load = load_of_days([10.0] * 5)
    night = Interval(MONDAY + 20 * HOUR, MONDAY + DAY + HOUR)

    placebo = placebo_errors(
        Recorder(10.0),
        load,
        window_on(4),
        time_zone=UTC_CLOCK,
        is_like_day=any_day,
        other_event_windows=[night],
    )

    assert placebo.dates == (date(2026, 6, 4), date(2026, 6, 3))
    assert placebo.refused == ()


def test_a_placebo_sees_as_much_after_its_window_as_the_event_did() -> None:
    """The load ends 7 h after the event's end; so does every placebo's."""
    load = load_of_days([10.0] * 3)
    baseline = Recorder(10.0)

    placebo_errors(baseline, load, window_on(2), time_zone=UTC_CLOCK, is_like_day=any_day)

    assert [
        seen.end_utc - window.end_utc
        for seen, window in zip(baseline.loads, baseline.windows, strict=True)
    ] == [7 * HOUR, 7 * HOUR]


def test_the_event_itself_is_another_event_to_its_placebos() -> None:
    event, other = window_on(2), window_on(-3)
    baseline = Recorder(10.0)

    placebo_errors(
        baseline,
        load_of_days([10.0] * 3),
        event,
        time_zone=UTC_CLOCK,
        is_like_day=any_day,
        other_event_windows=[other],
    )

    assert baseline.others == [(event, other)] * 2


def test_a_placebo_is_notified_as_long_before_as_the_event_was() -> None:
    event, baseline = window_on(1), Recorder(10.0)

    placebo_errors(
        baseline,
        load_of_days([10.0] * 2),
        event,
        time_zone=UTC_CLOCK,
        is_like_day=any_day,
        notified_at_utc=event.start_utc - 2 * HOUR,
    )

    assert baseline.notified == [baseline.windows[0].start_utc - 2 * HOUR]


def test_the_clock_window_stays_when_the_offset_changes() -> None:
    """New York left standard time on 8 March 2026: 12:00 is 17:00 UTC before, 16:00 after."""
    start_utc = datetime(2026, 3, 5, tzinfo=UTC)
    event = Interval(datetime(2026, 3, 10, 16, tzinfo=UTC), datetime(2026, 3, 10, 17, tzinfo=UTC))
    baseline = Recorder(10.0)

    placebo_errors(
        baseline, load_of_days([1.0] * 6, start_utc), event, time_zone=NEW_YORK, is_like_day=any_day
    )

    assert [window.start_utc.hour for window in baseline.windows] == [16, 16, 17, 17, 17]


def test_a_window_that_the_clock_change_stretches_is_refused() -> None:
    """01:00 to 04:00 on Sunday 8 March 2026 lasted two hours; the event lasts three."""
    start_utc = datetime(2026, 3, 7, tzinfo=UTC)
    event = Interval(datetime(2026, 3, 14, 5, tzinfo=UTC), datetime(2026, 3, 14, 8, tzinfo=UTC))

    placebo = placebo_errors(
        Recorder(10.0),
        load_of_days([1.0] * 9, start_utc),
        event,
        time_zone=NEW_YORK,
        is_like_day=any_day,
    )

    assert [refusal.placebo_date for refusal in placebo.refused] == [date(2026, 3, 8)]
    assert "clock changes" in placebo.refused[0].reason


def test_refusals_are_counted_with_their_reason() -> None:
    load = load_of_days([10.0, np.nan, 10.0, 3.0])

    def needs_a_day(
        load: LoadSeries,
        event: Interval,
        /,
        *,
        other_event_windows: Sequence[Interval] = (),  # noqa: ARG001 - the protocol's
        notified_at_utc: datetime | None = None,  # noqa: ARG001 - the protocol's
    ) -> BaselineResult:
        if event.start_utc - load.start_utc < DAY:
            raise InsufficientHistoryError(
                rule_id="r", required_count=1, found_count=0, unit="days", remedy="widen"
            )
        return result_of(event, [10.0], load)

    placebo = placebo_errors(
        needs_a_day, load, window_on(3), time_zone=UTC_CLOCK, is_like_day=any_day
    )

    assert placebo.dates == (date(2026, 6, 3),)
    assert [refusal.placebo_date.day for refusal in placebo.refused] == [2, 1]
    assert "1 of 1 not known" in placebo.refused[0].reason
    assert "at least 1 days, found 0" in placebo.refused[1].reason


def test_a_wrong_configuration_is_no_refusal() -> None:
    def misconfigured(*_args: object, **_kwargs: object) -> BaselineResult:
        raise ConfigurationError(thing="t", expected="e", found="f", remedy="r")

    with pytest.raises(ConfigurationError):
        placebo_errors(
            misconfigured,
            load_of_days([1.0] * 2),
            window_on(1),
            time_zone=UTC_CLOCK,
            is_like_day=any_day,
        )


def test_without_history_there_are_no_errors_and_no_ratios() -> None:
    placebo = placebo_errors(
        Recorder(10.0), load_of_days([3.0]), window_on(0), time_zone=UTC_CLOCK, is_like_day=any_day
    )

    assert placebo.errors_kwh == ()
    assert placebo.rrmse_ratio is None
    assert placebo.bias_ratio is None


def test_only_the_most_recent_placebos_are_taken() -> None:
    placebo = placebo_errors(
        Recorder(10.0),
        load_of_days([10.0] * 5),
        window_on(4),
        time_zone=UTC_CLOCK,
        is_like_day=any_day,
        count_max=2,
    )

    assert [day.day for day in placebo.dates] == [4, 3]


def test_the_event_days_own_load_never_matters() -> None:
    load = load_of_days([8.0, 12.0, 10.0, 3.0])
    other = replace(load, energy_kwh=load.energy_kwh.copy())
    other.energy_kwh[-24:] = 99.0

    errors_kwh = [
        placebo_errors(
            Recorder(10.0), series, window_on(3), time_zone=UTC_CLOCK, is_like_day=any_day
        ).errors_kwh
        for series in (load, other)
    ]

    assert errors_kwh[0] == errors_kwh[1]
