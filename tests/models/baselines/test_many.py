"""Many meters and windows at once: the same as the engine, one by one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.many import ManyBaselines, many_baselines
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines import sites as golden
from tests.models.baselines.conftest import NEW_YORK, window

AHEAD = timedelta(hours=2)
EVENTS = [window("2026-03-03T16:00", "2026-03-03T18:00")]


def load_of(seed: int, days: int) -> LoadSeries:
    """Return an uneven load from 1 January 2026 with gaps and an idle day now and then."""
    random = np.random.default_rng(seed)
    energy_kwh = random.uniform(60.0, 150.0, days * 24)
    energy_kwh[random.random(days * 24) < 0.01] = np.nan
    for day in random.choice(days, days // 20, replace=False):
        energy_kwh[day * 24 : (day + 1) * 24] *= 0.1
    return LoadSeries(
        meter_id=f"m{seed}",
        start_utc=datetime(2026, 1, 1, tzinfo=UTC),
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, 1.0),
    )


def windows_on(first: date, count: int, zone: ZoneInfo = NEW_YORK) -> list[Interval]:
    """Return 15:00 to 18:00 of so many days."""
    starts = [datetime.combine(first + timedelta(n), datetime.min.time()) for n in range(count)]
    return [
        Interval(start_utc, start_utc + timedelta(hours=3))
        for start in starts
        for start_utc in [start.replace(hour=15, tzinfo=zone).astimezone(UTC)]
    ]


def alone(
    rule: BaselineRule, load: LoadSeries, event: Interval, site: SiteInputs
) -> BaselineResult | str:
    """Return what the engine computes, or why it refuses."""
    try:
        return compute_baseline(
            rule,
            load,
            event,
            other_event_windows=EVENTS,
            notified_at_utc=event.start_utc - AHEAD,
            site=site,
        )
    except DataRefusedError as error:
        return str(error)


def assert_as_the_engine(
    rule: BaselineRule,
    loads: list[LoadSeries],
    windows: list[Interval],
    found: ManyBaselines,
    sites: list[SiteInputs],
) -> None:
    for i, load in enumerate(loads):
        for j, event in enumerate(windows):
            expected = alone(rule, load, event, sites[i])
            if isinstance(expected, str):
                assert found.refused[i, j] == expected
                assert np.isnan(found.baseline_kwh[i, j]).all()
                continue
            for name in ("baseline_kwh", "adjusted_baseline_kwh", "metered_kwh"):
                assert getattr(found, name)[i, j] == pytest.approx(
                    getattr(expected, name), rel=1e-12, abs=0, nan_ok=True
                )


RULES = [
    ("pjm_economic_3day", ()),
    ("caiso_10_in_10", ()),
    ("nyiso_average_day", ()),
    ("pjm_economic_3day", ("rank.scope=interval", "adjustment.anchor=notification")),
    ("pjm_economic_3day", ("dst_policy=align_clock", "adjustment.pre={start_h=-20, end_h=-17}")),
    ("ieso_15_of_20", ("lookback.max_candidate_days=22",)),
    ("korea_mid_6_of_10", ("low_usage.threshold=0.5", "low_usage.upper_threshold=1.3")),
    ("ercot_ers_middle_8_of_10", ("interval_minutes=60", 'insufficient_days=["fail"]')),
    ("pjm_economic_3day", ("rank.order=middle", "baseline_floor_kw=95", "baseline_ceiling_kw=110")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("program_id", "overrides"), RULES)
def test_every_cell_is_what_the_engine_computes(
    program_id: str, overrides: tuple[str, ...]
) -> None:
    """Four meters, 60 days across the change of the clock on 8 March, an event on 3 March."""
    rule = load_program(program_id, overrides=overrides)
    loads, windows = [load_of(seed, 120) for seed in range(4)], windows_on(date(2026, 2, 20), 60)

    found = many_baselines(rule, loads, windows, other_event_windows=EVENTS, notified_ahead=AHEAD)

    assert 0 < found.engine_count < 0.95 * 4 * 60
    assert_as_the_engine(rule, loads, windows, found, [SiteInputs()] * 4)


@pytest.mark.slow
@pytest.mark.parametrize("program_id", list_programs())
def test_every_program_gives_the_same_at_once_and_one_by_one(program_id: str) -> None:
    """Three days of the golden load: a Wednesday, and the weekend before it."""
    rule = load_program(program_id)
    load, site = golden.load_for(rule), golden.site_for(rule)
    days = [date(2026, 7, 15), date(2026, 7, 12), date(2026, 7, 11)]
    windows = [golden.window_of(rule, day) for day in days]

    found = many_baselines(
        rule,
        [load],
        windows,
        other_event_windows=EVENTS,
        notified_ahead=AHEAD,
        sites=[site],
    )

    assert_as_the_engine(rule, [load], windows, found, [site])
    assert (0, 0) not in found.refused


def test_a_few_cells_are_what_the_engine_computes() -> None:
    """The second site has an outage that CAISO's rule is told to heed: its cells go one by one."""
    rule = load_program("caiso_10_in_10", overrides=("exclusions.outage_days=true",))
    loads, windows = [load_of(seed, 70) for seed in range(2)], windows_on(date(2026, 3, 2), 6)
    sites = [SiteInputs(), SiteInputs(outage_days=frozenset({date(2026, 2, 25)}))]

    found = many_baselines(
        rule,
        loads,
        windows,
        other_event_windows=EVENTS,
        notified_ahead=AHEAD,
        sites=sites,
    )

    assert found.engine_count >= 6
    assert found.engine_count < 12
    assert_as_the_engine(rule, loads, windows, found, sites)


def test_a_meter_of_longer_intervals_is_refused_cell_by_cell() -> None:
    rule = load_program("pre_event_hour")

    found = many_baselines(rule, [load_of(1, 70)], windows_on(date(2026, 3, 2), 2))

    assert set(found.refused) == {(0, 0), (0, 1)}
    assert "divides the rule's 1 minutes, found 60 minutes" in found.refused[0, 0]


def test_windows_of_different_length_are_refused() -> None:
    first, second = windows_on(date(2026, 3, 2), 2)
    longer = Interval(second.start_utc, second.end_utc + timedelta(hours=1))

    with pytest.raises(ValueError, match="of equal length"):
        many_baselines(load_program("caiso_10_in_10"), [load_of(1, 70)], [first, longer])
