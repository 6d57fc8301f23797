"""Energies of objects: names of meters, GPUs of a node, intervals of a day."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.topology import METER, NODE, RACK, PathObject, Topology, topology_of
from negawatt.models.metering.sample_rules import SampleRules
from negawatt.models.reconciliation.meter_and_gpus import for_reconciliation
from negawatt.models.reconciliation.objects import (
    grid_ms,
    node_energies,
    power_series,
    sampled_energies,
)

MIDNIGHT_UTC = datetime(2026, 7, 1, tzinfo=UTC)
RULES = SampleRules(max_gap_s=60)
HOUR = Interval(MIDNIGHT_UTC, MIDNIGHT_UTC + timedelta(hours=1))


def path(**types: str) -> Topology:
    return topology_of(
        PathObject(object_id=name.replace("__", "/"), object_type=kind)
        for name, kind in types.items()
    )


def samples(*meters: tuple[str, str], quality: str = "ok") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "node_id": [node for node, _ in meters],
            "meter_id": [meter for _, meter in meters],
            "observed_at_utc": [MIDNIGHT_UTC] * len(meters),
            "power_w": [100.0] * len(meters),
            "reading_quality": quality,
        }
    )


def test_a_meter_is_named_with_its_node_or_by_its_node_where_it_is_the_only_one() -> None:
    """A rack's one meter, a node's supply with a name of its own; a node's meter without one."""
    known = path(rack=RACK, n1=NODE, n1__psu0=METER)

    rows = samples(("rack", "power"), ("n1", "psu0"), ("n1", "psu1"))
    found, findings = power_series(rows, known, RULES)

    assert list(found) == ["n1/psu0", "rack"]
    assert findings == []


def test_of_two_meters_under_one_name_neither_is_the_object() -> None:
    assert power_series(samples(("rack", "a"), ("rack", "b")), path(rack=RACK), RULES) == ({}, [])


def test_readings_that_their_source_marked_are_left_out() -> None:
    marked = samples(("rack", "power"), quality="bms_quality_0")

    assert power_series(marked, path(rack=RACK), RULES) == ({}, [])


def test_readings_of_one_stamp_that_differ_are_found_and_none_of_them_is_used() -> None:
    """900 or 100 W at midnight; then 100 W twice at ten seconds, which is once."""
    two = samples(*[("rack", "power")] * 4).with_columns(
        pl.Series("power_w", [900.0, 100.0, 100.0, 100.0]),
        pl.col("observed_at_utc") + pl.Series([0, 0, 10, 10]) * timedelta(seconds=1),
    )

    for rows in (two, two.reverse()):
        found, (finding,) = power_series(rows, path(rack=RACK), RULES)

        (time_ms, power_w) = found["rack"]
        assert (time_ms - grid_ms(HOUR, 60)[0]).tolist() == [10_000]
        assert power_w.tolist() == [100.0]
        assert finding.code is FindingCode.READING_REPEATED
        assert finding.subject == "meter 'rack'"
        assert (finding.evidence["count"], finding.evidence["conflict_count"]) == (2, 1)


def gpu(name: str, energy_j: list[float | None], node: str = "n1") -> pl.DataFrame:
    starts = [MIDNIGHT_UTC + n * timedelta(minutes=1) for n in range(len(energy_j))]
    return pl.DataFrame(
        {
            "site_id": "s",
            "date": MIDNIGHT_UTC.date(),
            "node_id": node,
            "gpu_uuid": name,
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=1) for start in starts],
            "energy_j": energy_j,
            "coverage_ratio": [0.0 if one is None else 1.0 for one in energy_j],
            "method": "counter",
        },
        schema_overrides={"energy_j": pl.Float64},
    )


def rolled_up(*gpus: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(for_reconciliation(one, 5) for one in gpus)


def test_a_node_is_the_sum_of_its_gpus_in_whatever_order_they_come() -> None:
    """Two GPUs of 60 kJ a minute: 5 minutes are 2 x 5 x 60 / 3600 kWh; then one is not known."""
    first = gpu("a", [60_000.0] * 10)
    second = gpu("b", [60_000.0] * 5 + [None] + [60_000.0] * 4)
    other = gpu("c", [1.0] * 10, node="n2")
    known = path(n1=NODE)

    one = node_energies(rolled_up(first, second, other), known, HOUR, 5)
    two = node_energies(rolled_up(second, other, first), known, HOUR, 5)

    assert list(one) == ["n1"]
    assert one["n1"].energy_kwh[:3] == pytest.approx([1 / 6, np.nan, np.nan], nan_ok=True)
    assert one["n1"].coverage_ratio[:3].tolist() == [1.0, 0.9, 0.0]
    assert np.array_equal(one["n1"].energy_kwh, two["n1"].energy_kwh, equal_nan=True)


def test_a_gpu_that_appears_in_the_second_interval_leaves_the_first_not_known() -> None:
    late = gpu("b", [60_000.0] * 5).with_columns(
        pl.col("interval_start_utc", "interval_end_utc") + timedelta(minutes=5)
    )

    rolled = rolled_up(gpu("a", [60_000.0] * 10), late)

    found = node_energies(rolled, path(n1=NODE), HOUR, 5)["n1"]

    assert np.isnan(found.energy_kwh[0])
    assert found.energy_kwh[1] == pytest.approx(1 / 6)


def test_samples_are_integrated_between_the_edges_and_a_gap_is_not_known() -> None:
    """1 kW for an hour in quarters is 0.25 kWh; the third quarter holds a gap of ten minutes."""
    edges = grid_ms(HOUR, 15)
    stamps = edges[0] + 60_000 * np.array([n for n in range(61) if not 32 < n < 42])

    series = {"m": (stamps, np.full(len(stamps), 1000.0))}
    found, (gap,) = sampled_energies(series, edges, RULES)

    assert found["m"].energy_kwh == pytest.approx([0.25, 0.25, np.nan, 0.25], nan_ok=True)
    assert found["m"].coverage_ratio == pytest.approx([1.0, 1.0, 1 / 3, 1.0])
    assert gap.code is FindingCode.SAMPLE_GAP
    assert gap.evidence["longest_s"] == 600.0


@pytest.mark.parametrize(
    ("minutes", "span"),
    [
        (range(61), None),
        (range(-3, 70), None),
        (range(16, 61), ("2026-07-01T00:16:00", "2026-07-01T01:00:00")),
        (range(46), ("2026-07-01T00:00:00", "2026-07-01T00:45:00")),
    ],
)
def test_a_meter_that_begins_late_or_dies_in_the_day_is_found(
    minutes: range, span: tuple[str, str] | None
) -> None:
    edges = grid_ms(HOUR, 15)
    stamps = edges[0] + 60_000 * np.array(minutes)

    _, findings = sampled_energies({"m": (stamps, np.ones(len(stamps)))}, edges, RULES)

    assert [one.code for one in findings] == ([FindingCode.SAMPLE_GAP] if span else [])
    for one in findings:
        told = (one.evidence["first_utc"], one.evidence["last_utc"])
        assert [str(text)[:19] for text in told] == list(span or ())
