"""What holds for every program file, whatever its numbers.

A new program adds a file and a golden event; it is tested here without another line.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_sources import Confidence
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

PROGRAMS = list_programs()
FIRST_UTC = datetime(2026, 4, 1, tzinfo=UTC)
EVENT = Interval(datetime(2026, 7, 15, 19, tzinfo=UTC), datetime(2026, 7, 15, 22, tzinfo=UTC))
OTHERS = [
    Interval(EVENT.start_utc - timedelta(days=days), EVENT.end_utc - timedelta(days=days))
    for days in (2, 7, 9)
]


def load_for(rule: BaselineRule, seed: int = 1) -> LoadSeries:
    """Return an uneven load that reaches from before the look-back to after the event."""
    days = 110 if rule.algorithm == "x_of_y" else 2
    start_utc = FIRST_UTC if rule.algorithm == "x_of_y" else datetime(2026, 7, 15, tzinfo=UTC)
    count = days * 24 * 60 // rule.interval_minutes
    energy_kwh = np.random.default_rng(seed).uniform(50.0, 150.0, count)
    return LoadSeries(
        meter_id="m1",
        start_utc=start_utc,
        interval_minutes=rule.interval_minutes,
        energy_kwh=energy_kwh,
        coverage_ratio=np.ones(count),
    )


def with_values(load: LoadSeries, window: Interval, energy_kwh: float) -> LoadSeries:
    """Return the load with every interval of a window replaced."""
    values = load.energy_kwh.copy()
    values[load.index_of(window.start_utc) : load.index_of(window.end_utc)] = energy_kwh
    return replace(load, energy_kwh=values)


def same_baseline(first: BaselineResult, second: BaselineResult) -> bool:
    return (
        first.adjusted_baseline_kwh.tobytes() == second.adjusted_baseline_kwh.tobytes()
        and first.baseline_kwh.tobytes() == second.baseline_kwh.tobytes()
        and first.days == second.days
        and first.adjustment == second.adjustment
    )


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_the_file_is_named_after_its_program_and_digested(program_id: str) -> None:
    content = (files("negawatt.models.baselines") / "programs" / f"{program_id}.toml").read_bytes()

    rule = load_program(program_id)

    assert rule.program_id == program_id
    assert rule.digest == sha256(content).hexdigest()
    assert rule.rule_id == f"{program_id}@{rule.rule_version}"


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_every_source_is_cited_and_every_open_fact_says_what_to_check(program_id: str) -> None:
    rule = load_program(program_id)

    own = rule.market == "none"
    verified = [f for f in rule.facts if f.confidence is Confidence.VERIFIED]
    by_id = {source.source_id: source for source in rule.sources}
    assert all(source.document and source.section for source in rule.sources)
    assert all(fact.check for fact in rule.unverified_facts)
    assert all(by_id[fact.source_id].url for fact in verified)
    assert own or rule.unverified_facts or verified


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_two_computations_agree_to_the_last_bit(program_id: str) -> None:
    rule = load_program(program_id)

    first = compute_baseline(rule, load_for(rule), EVENT, other_event_windows=OTHERS)
    second = compute_baseline(rule, load_for(rule), EVENT, other_event_windows=OTHERS)

    assert same_baseline(first, second)


@pytest.mark.parametrize("program_id", PROGRAMS)
@pytest.mark.parametrize("energy_kwh", [0.0, 1e9, -1e9, np.nan])
def test_the_load_of_the_event_moves_nothing(program_id: str, energy_kwh: float) -> None:
    rule = load_program(program_id)
    load = load_for(rule)
    original = compute_baseline(rule, load, EVENT)

    changed = compute_baseline(rule, with_values(load, EVENT, energy_kwh), EVENT)

    assert same_baseline(original, changed)
    assert not np.isnan(original.adjusted_baseline_kwh).any()


@pytest.mark.parametrize("program_id", PROGRAMS)
@settings(max_examples=6, deadline=None)
@given(exponent=st.integers(-8, 8), seed=st.integers(0, 50))
def test_a_site_twice_as_large_has_a_baseline_exactly_twice_as_large(
    program_id: str, exponent: int, seed: int
) -> None:
    rule = load_program(program_id)
    load = load_for(rule, seed)
    factor = 2.0**exponent

    small = compute_baseline(rule, load, EVENT)
    large = compute_baseline(rule, replace(load, energy_kwh=load.energy_kwh * factor), EVENT)

    assert (large.adjusted_baseline_kwh == small.adjusted_baseline_kwh * factor).all()


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_days_beyond_the_look_back_never_matter(program_id: str) -> None:
    rule = load_program(program_id)
    load = load_for(rule)
    reach_days = rule.lookback.max_calendar_days if rule.lookback else 0
    reach_utc = EVENT.end_utc - timedelta(days=reach_days + 1)
    too_old = Interval(load.start_utc, max(reach_utc, load.start_utc + timedelta(hours=1)))

    original = compute_baseline(rule, load, EVENT)
    changed = compute_baseline(rule, with_values(load, too_old, 1e6), EVENT)

    assert same_baseline(original, changed)


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_the_order_of_other_events_never_matters(program_id: str) -> None:
    rule = load_program(program_id)
    load = load_for(rule)

    results = [
        compute_baseline(rule, load, EVENT, other_event_windows=order)
        for order in permutations(OTHERS)
    ]

    assert all(same_baseline(results[0], other) for other in results)


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_too_little_history_is_refused_by_name(program_id: str) -> None:
    rule = load_program(program_id)
    load = load_for(rule)
    first = load.index_of(EVENT.start_utc)
    only_the_event = replace(
        load,
        start_utc=EVENT.start_utc,
        energy_kwh=load.energy_kwh[first : first + 3 * 60 // rule.interval_minutes],
        coverage_ratio=load.coverage_ratio[first : first + 3 * 60 // rule.interval_minutes],
    )

    with pytest.raises(InsufficientHistoryError, match=rule.rule_id) as refused:
        compute_baseline(rule, only_the_event, EVENT)

    assert refused.value.found_count < refused.value.required_count


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_finer_load_gives_the_same_baseline(program_id: str) -> None:
    """Each interval split into equal halves; a rule of one minute has no finer load."""
    rule = load_program(program_id)
    load = load_for(rule)
    if rule.interval_minutes == 1:
        assert compute_baseline(rule, load, EVENT).interval_minutes == 1
        return
    halves = replace(
        load,
        interval_minutes=load.interval_minutes // 2,
        energy_kwh=np.repeat(load.energy_kwh / 2, 2),
        coverage_ratio=np.repeat(load.coverage_ratio, 2),
    )

    whole, split = (compute_baseline(rule, series, EVENT) for series in (load, halves))

    assert same_baseline(whole, split)
    assert (whole.metered_kwh == split.metered_kwh).all()


def test_effective_dates_of_one_program_never_overlap() -> None:
    """One file per program: two of one name cannot exist, and a file's dates are in order."""
    rules = [load_program(program_id) for program_id in PROGRAMS]

    assert len({rule.program_id for rule in rules}) == len(PROGRAMS)
    for rule in rules:
        first, last = rule.effective.from_date, rule.effective.to_date
        assert (first or date.min) <= (last or date.max)
