"""What holds for every program file, whatever its numbers.

A new program adds a file and a golden event; it is tested here without another line.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from hashlib import sha256
from importlib.resources import files
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.rule import BaselineRule, RuleFile
from negawatt.models.baselines.rule_sources import Confidence
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.golden import reference_programs as reference
from tests.models.baselines.sites import load_for, notified_at_utc, site_for, window_of

PROGRAMS = list_programs()
RULE_FILE = TypeAdapter(RuleFile)
ALWAYS = (
    "before_and_after",
    "caiso_10_in_10",
    "ieso_15_of_20",
    "korea_mid_6_of_10",
    "nyiso_average_day",
    "pjm_capacity_gld",
    "pjm_economic_3day",
    "pjm_same_day_3_plus_2",
)
# Every program in `make check`; a few of each kind in `make test`.
EACH = [
    program_id if program_id in ALWAYS else pytest.param(program_id, marks=pytest.mark.slow)
    for program_id in PROGRAMS
]
OF_OWN_LOAD = [
    program_id
    for program_id in PROGRAMS
    if load_program(program_id).algorithm
    not in (
        "firm_service_level",
        "average_coincident_load",
        "control_group",
        "nominated",
        "generator_output",
    )
]
OTHER_DAYS = (reference.OTHER, date(2026, 7, 8), date(2026, 7, 6))


def computed(
    rule: BaselineRule,
    load: LoadSeries,
    others: Sequence[date] = (),
    site: SiteInputs | None = None,
) -> BaselineResult:
    """Return the baseline of the golden event, on any load."""
    return compute_baseline(
        rule,
        load,
        window_of(rule),
        other_event_windows=[window_of(rule, day) for day in others],
        notified_at_utc=notified_at_utc(rule),
        site=site or site_for(rule),
    )


def with_values(load: LoadSeries, window: Interval, energy_kwh: float) -> LoadSeries:
    """Return the load with every interval of a window replaced."""
    values = load.energy_kwh.copy()
    first, last = load.index_of(window.start_utc), load.index_of(window.end_utc)
    values[max(first, 0) : max(last, 0)] = energy_kwh
    return replace(load, energy_kwh=values)


def uneven(load: LoadSeries, seed: int) -> LoadSeries:
    """Return another load on the same grid."""
    energy_kwh = np.random.default_rng(seed).uniform(50.0, 150.0, len(load.energy_kwh))
    return replace(load, energy_kwh=energy_kwh)


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
def test_a_file_is_what_its_rule_holds_and_no_more(program_id: str) -> None:
    """Validating what a rule prints gives the rule again."""
    rule = load_program(program_id)

    printed = RULE_FILE.dump_python(rule, mode="json", by_alias=True, serialize_as_any=False)

    again = RULE_FILE.validate_python(printed)
    assert all(getattr(rule, f.name) == getattr(again, f.name) for f in fields(RuleFile))


@pytest.mark.parametrize("program_id", EACH)
def test_two_computations_agree_to_the_last_bit(program_id: str) -> None:
    rule = load_program(program_id)
    load = load_for(rule)

    assert same_baseline(computed(rule, load, OTHER_DAYS), computed(rule, load, OTHER_DAYS))


@pytest.mark.parametrize("program_id", EACH)
def test_the_load_of_the_event_moves_nothing(program_id: str) -> None:
    """But for the minutes that a rule says it reads, and what a generator may not exceed."""
    rule = load_program(program_id)
    load, event = load_for(rule), window_of(rule)
    read = rule.same_day.into_event_minutes if rule.same_day else 0
    hidden = Interval(event.start_utc + timedelta(minutes=read), event.end_utc)
    original = computed(rule, load)

    for energy_kwh in (0.0, 1e9, -1e9, np.nan):
        if rule.algorithm == "generator_output" and not energy_kwh > 0:
            continue
        changed = computed(rule, with_values(load, hidden, energy_kwh))

        if rule.algorithm != "generator_output":
            assert same_baseline(original, changed)
        assert original.baseline_kwh.tobytes() == changed.baseline_kwh.tobytes()

    assert not np.isnan(original.adjusted_baseline_kwh).any()


@pytest.mark.parametrize(
    "program_id", [e for e in EACH if getattr(e, "values", (e,))[0] in OF_OWN_LOAD]
)
@settings(max_examples=4, deadline=None)
@given(exponent=st.integers(-8, 8), seed=st.integers(0, 50))
def test_a_site_twice_as_large_has_a_baseline_exactly_twice_as_large(
    program_id: str, exponent: int, seed: int
) -> None:
    """A regression solves equations: equal to nine digits. Levels of the site grow with it."""
    rule = load_program(program_id)
    load, site = uneven(load_for(rule), seed), site_for(rule)
    factor = 2.0**exponent
    assert site.peak_load_contribution_kw is not None
    grown = replace(site, peak_load_contribution_kw=site.peak_load_contribution_kw * factor)

    small = computed(rule, load, site=site).adjusted_baseline_kwh
    large = computed(rule, replace(load, energy_kwh=load.energy_kwh * factor), site=grown)

    if rule.algorithm == "regression":
        assert large.adjusted_baseline_kwh == pytest.approx(small * factor, rel=1e-9)
    else:
        assert (large.adjusted_baseline_kwh == small * factor).all()


@pytest.mark.parametrize("program_id", EACH)
def test_days_beyond_the_look_back_never_matter(program_id: str) -> None:
    """A pair of days needs the day before the last one; a month's fit ends before the month."""
    rule = load_program(program_id)
    load = load_for(rule)
    if rule.algorithm in ("average_coincident_load", "guaranteed_load_drop"):
        return  # no look-back of its own
    reach_days = max(rule.lookback.max_calendar_days, 30) + 2 if rule.lookback else 0
    reach_days += 31 if rule.regression else 0
    end_utc = window_of(rule).end_utc - timedelta(days=reach_days, hours=23)
    too_old = Interval(load.start_utc, max(end_utc, load.start_utc + timedelta(hours=1)))

    original = computed(rule, load)

    assert same_baseline(original, computed(rule, with_values(load, too_old, 1e6)))


@pytest.mark.parametrize("program_id", EACH)
def test_the_order_of_other_events_never_matters(program_id: str) -> None:
    rule = load_program(program_id)
    load = load_for(rule)

    results = [computed(rule, load, order) for order in permutations(OTHER_DAYS)]

    assert all(same_baseline(results[0], other) for other in results)


@pytest.mark.parametrize("program_id", PROGRAMS)
def test_too_little_history_is_refused_by_name(program_id: str) -> None:
    """The load of the event alone, and nothing else known of the site."""
    rule = load_program(program_id)
    event = window_of(rule)
    count = 3 * 60 // rule.interval_minutes
    only_the_event = LoadSeries(
        meter_id="m1",
        start_utc=event.start_utc,
        interval_minutes=rule.interval_minutes,
        energy_kwh=np.full(count, 100.0),
        coverage_ratio=np.ones(count),
    )

    with pytest.raises(InsufficientHistoryError) as refused:
        compute_baseline(rule, only_the_event, event, notified_at_utc=notified_at_utc(rule))

    named = rule.comparison or program_id
    assert named in str(refused.value)
    assert refused.value.found_count < refused.value.required_count


@pytest.mark.parametrize("program_id", EACH)
def test_finer_load_gives_the_same_baseline(program_id: str) -> None:
    """Each interval split into equal halves; a rule of one minute has no finer load."""
    rule = load_program(program_id)
    load = load_for(rule)
    if rule.interval_minutes in (1, 5, 15):
        return  # a half is no whole number of minutes, or nothing new
    halves = replace(
        load,
        interval_minutes=load.interval_minutes // 2,
        energy_kwh=np.repeat(load.energy_kwh / 2, 2),
        coverage_ratio=np.repeat(load.coverage_ratio, 2),
    )

    whole, split = (computed(rule, series) for series in (load, halves))

    assert same_baseline(whole, split)
    assert (whole.metered_kwh == split.metered_kwh).all()


def test_effective_dates_of_one_program_never_overlap() -> None:
    """One file per program: two of one name cannot exist, and a file's dates are in order."""
    rules = [load_program(program_id) for program_id in PROGRAMS]

    assert len({rule.program_id for rule in rules}) == len(PROGRAMS)
    for rule in rules:
        first, last = rule.effective.from_date, rule.effective.to_date
        assert (first or date.min) <= (last or date.max)
