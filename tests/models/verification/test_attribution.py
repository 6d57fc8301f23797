from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.attribution import attribute_to_jobs
from negawatt.models.verification.context import Context, ControlAction, ControlKind

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
EVENT = Interval(NOON_UTC, NOON_UTC + timedelta(hours=2))


def load(name: str, before_kw: float, event_kw: tuple[float, ...] = (1.0, 1.0)) -> LoadSeries:
    """Return the hour before and two hours of the event, hourly: power in kW is energy in kWh."""
    energy_kwh = np.array([before_kw, *event_kw])
    return LoadSeries(
        meter_id=name,
        start_utc=NOON_UTC - timedelta(hours=1),
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, 1.0),
    )


def test_jobs_and_residual_add_up_to_the_meter() -> None:
    """Site 100 -> 70, 80: 200 - 150 = 50 kWh. Jobs 2 x 40 - 60 = 20 and 2 x 30 - 50 = 10 kWh."""
    site = load("site", 100.0, (70.0, 80.0))
    jobs = {"a": load("a", 30.0, (25.0, 25.0)), "b": load("b", 40.0, (30.0, 30.0))}

    found = attribute_to_jobs(site, jobs, EVENT, dispatch=EVENT)

    assert [(job.job_id, job.reduction_kwh) for job in found.jobs] == [("b", 20.0), ("a", 10.0)]
    assert (found.site_reduction_kwh, found.residual_kwh) == (50.0, 20.0)


def test_a_job_that_ends_in_the_event_has_reduced_nothing_that_is_known() -> None:
    jobs = {"ended": load("ended", 40.0, (40.0, np.nan))}

    found = attribute_to_jobs(load("site", 100.0, (90.0, 60.0)), jobs, EVENT, dispatch=EVENT)

    assert found.jobs[0].reduction_kwh is None
    assert found.jobs[0].note == "ended, or was no longer measured, before the event did"
    assert found.residual_kwh == 50.0


def test_a_job_that_starts_in_the_event_has_no_level() -> None:
    jobs = {"late": load("late", np.nan, (5.0, 5.0))}

    found = attribute_to_jobs(load("site", 100.0), jobs, EVENT, dispatch=EVENT)

    assert (found.jobs[0].level_kw, found.jobs[0].event_kw_mean) == (None, 5.0)
    assert found.jobs[0].note == "not measured through the whole hour before"


def test_a_job_of_another_time_is_not_listed() -> None:
    jobs = {"other": load("other", np.nan, (np.nan, np.nan))}

    assert attribute_to_jobs(load("site", 100.0), jobs, EVENT, dispatch=EVENT).jobs == ()


@pytest.mark.parametrize(("event_kw", "share"), [((7.5, 7.5), 1.0), ((7.5, 7.6), 0.5)])
def test_a_job_is_held_against_a_quarter_off_its_own_level(
    event_kw: tuple[float, float], share: float
) -> None:
    """A quarter off 10 kW is 7.5 kW, which is still within."""
    jobs = {"a": load("a", 10.0, event_kw)}

    found = attribute_to_jobs(
        load("site", 100.0), jobs, EVENT, dispatch=EVENT, target_reduction_ratio=0.25
    )

    assert found.jobs[0].within_limit_ratio == share


def test_the_level_lies_before_the_ramp() -> None:
    """The hour before the dispatch is 10:00 to 11:00; the 11:00 value is the ramp."""
    site = LoadSeries(
        meter_id="site",
        start_utc=NOON_UTC - timedelta(hours=2),
        interval_minutes=60,
        energy_kwh=np.array([100.0, 50.0, 40.0, 40.0]),
        coverage_ratio=np.ones(4),
    )
    dispatch = Interval(NOON_UTC - timedelta(hours=1), EVENT.end_utc)

    found = attribute_to_jobs(site, {}, EVENT, dispatch=dispatch)

    assert found.site_reduction_kwh == 120.0


def test_a_job_whose_intervals_do_not_fit_the_event_has_no_figure() -> None:
    """Two-hour intervals from 10:00 on do not say what was used in the hour from 11:00."""
    coarse = LoadSeries(
        meter_id="j",
        start_utc=NOON_UTC - timedelta(hours=2),
        interval_minutes=120,
        energy_kwh=np.ones(4),
        coverage_ratio=np.ones(4),
    )

    found = attribute_to_jobs(load("site", 100.0), {"j": coarse}, EVENT, dispatch=EVENT)

    assert found.jobs[0].reduction_kwh is None
    assert found.jobs[0].note == "its intervals of 120 minutes do not fit the event"


def test_what_was_done_to_a_job_is_read_from_the_log_and_nowhere_else() -> None:
    """A cap before the dispatch is none of it; a release undoes, and is no mechanism."""
    jobs = {name: load(name, 20.0) for name in ("a", "b")}
    actions = [
        ControlAction(at_utc=NOON_UTC + timedelta(hours=1), job_id="a", kind=ControlKind.PAUSE),
        ControlAction(at_utc=NOON_UTC, job_id="a", kind=ControlKind.CAP),
        ControlAction(at_utc=NOON_UTC, job_id="b", kind=ControlKind.RELEASE),
        ControlAction(at_utc=NOON_UTC - timedelta(hours=1), job_id="b", kind=ControlKind.CAP),
    ]

    context = Context(actions=tuple(actions))
    logged = attribute_to_jobs(load("s", 99.0), jobs, EVENT, dispatch=EVENT, context=context)
    silent = attribute_to_jobs(load("s", 99.0), jobs, EVENT, dispatch=EVENT)

    assert [(job.job_id, job.mechanism) for job in logged.jobs] == [
        ("a", "capped, paused"),
        ("b", "none logged"),
    ]
    assert {job.mechanism for job in silent.jobs} == {"not known"}


def test_every_level_is_compared_and_leaves_its_residual() -> None:
    """Site 50 kWh less, GPUs 40: 10 of overhead. Jobs 20 + 10, so 10 of idle GPUs.

    Nodes: 2 x 45 - 60 = 30; the other lacks an hour, and leaves 10 of the GPUs' 40.
    """
    jobs = {"a": load("a", 30.0, (25.0, 25.0)), "b": load("b", 40.0, (30.0, 30.0))}
    context = Context(
        it_load=load("it", 80.0, (60.0, 60.0)),
        node_loads={"n1": load("n1", 35.0, (np.nan, 30.0)), "n2": load("n2", 45.0, (30.0, 30.0))},
        actions=(ControlAction(at_utc=NOON_UTC, job_id="b", kind=ControlKind.PAUSE),),
    )

    found = attribute_to_jobs(
        load("site", 100.0, (70.0, 80.0)), jobs, EVENT, dispatch=EVENT, context=context
    )

    assert (found.it_reduction_kwh, found.overhead_reduction_kwh) == (40.0, 10.0)
    assert (found.idle_reduction_kwh, found.residual_kwh) == (10.0, 20.0)
    assert [(node.node_id, node.reduction_kwh) for node in found.nodes] == [
        ("n2", 30.0),
        ("n1", None),
    ]
    assert found.node_residual_kwh == 10.0
    assert [(one.name, one.job_count, one.reduction_kwh) for one in found.mechanisms] == [
        ("none logged", 1, 10.0),
        ("paused", 1, 20.0),
    ]


def test_without_gpus_their_levels_are_not_known() -> None:
    found = attribute_to_jobs(load("site", 100.0), {"a": load("a", 30.0)}, EVENT, dispatch=EVENT)

    assert found.it_reduction_kwh is found.overhead_reduction_kwh is None
    assert found.idle_reduction_kwh is found.node_residual_kwh is None
    assert [one.name for one in found.mechanisms] == ["not known"]
