from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.plan import HallPlan, plan_from_toml

START_UTC = datetime(2026, 6, 2, tzinfo=UTC)
TEXT = """
site_id = "hall"
seed = 7
start_utc = 2026-06-02T00:00:00Z
days = 3

[gpu]
limit_w = 1000.0

[[events]]
event_id = "e1"
start_utc = 2026-06-04T18:00:00Z
end_utc = 2026-06-04T21:00:00Z
"""


def event(start_utc: datetime, *, hours: int = 3, event_id: str = "e1") -> HallEvent:
    return HallEvent(
        event_id=event_id, start_utc=start_utc, end_utc=start_utc + timedelta(hours=hours)
    )


def test_a_plan_is_read_from_toml() -> None:
    plan = plan_from_toml(TEXT, name="hall.toml")

    assert (plan.gpu.limit_w, plan.event_day, plan.gpu_count) == (1000.0, 2, 64)


def test_an_unknown_key_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"hall.toml, key 'gpu.limit_kw'"):
        plan_from_toml(TEXT.replace("limit_w", "limit_kw"), name="hall.toml")


def test_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected a TOML file"):
        plan_from_toml("site_id = ", name="hall.toml")


def test_a_start_other_than_midnight_utc_is_refused() -> None:
    with pytest.raises(ValidationError, match="midnight UTC"):
        HallPlan(site_id="hall", seed=1, start_utc=START_UTC + timedelta(hours=1))


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="IANA"):
        HallPlan(site_id="hall", seed=1, start_utc=START_UTC, time_zone="Phoenix")


def test_a_gpu_that_idles_at_its_limit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="idle_w below limit_w"):
        plan_from_toml(TEXT.replace("limit_w = 1000.0", "limit_w = 110.0"), name="hall.toml")


def test_an_event_after_the_last_day_is_refused() -> None:
    with pytest.raises(ValidationError, match="events that end by"):
        HallPlan(
            site_id="hall",
            seed=1,
            start_utc=START_UTC,
            days=1,
            events=(event(START_UTC.replace(day=9)),),
        )


def test_an_event_whose_ramp_touches_the_one_before_is_refused() -> None:
    """The first is controlled until 21:15; the second's ramp of 20 min would begin at 20:40."""
    first = event(START_UTC + timedelta(hours=18))
    second = event(START_UTC + timedelta(hours=21), hours=1, event_id="e2")

    with pytest.raises(ValidationError, match="'e2' controlled after"):
        HallPlan(site_id="hall", seed=1, start_utc=START_UTC, days=2, events=(first, second))


def test_the_demonstration_has_both_events_on_weekdays_at_two_in_the_afternoon() -> None:
    plan = demo_plan(1)

    local = [event.window.start_utc.astimezone(plan.zone) for event in plan.events]

    assert [moment.date() for moment in local] == [date(2026, 6, 18), date(2026, 6, 30)]
    assert [(moment.hour, moment.weekday() < 5) for moment in local] == [(14, True), (14, True)]
    assert plan.event_day == plan.days - 1


def test_the_demonstration_has_enough_ordinary_weekdays_for_every_look_back() -> None:
    """2026-06-03 to 06-29 has 19 weekdays; less the earlier event's day 18."""
    plan = demo_plan(1)
    first, last = date(2026, 6, 3), date(2026, 6, 29)

    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    event_days = {event.window.start_utc.date() for event in plan.events}
    ordinary = [day for day in days if day.weekday() < 5 and day not in event_days]

    assert len(ordinary) == 18
    assert plan.start_utc.date() < first


def test_the_demonstration_leaves_room_for_two_hours_after_the_event_and_the_hour_between() -> None:
    plan = demo_plan(1)

    assert plan.end_utc - plan.events[-1].window.end_utc >= timedelta(hours=3)
