"""The meter beside the GPUs."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from negawatt.models.reconciliation.meter_and_gpus import reconcile
from negawatt.warehouse.catalog import schema

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)


def minutes(n: int) -> dict[str, list[object]]:
    start_utc = [NOON_UTC + timedelta(minutes=position) for position in range(n)]
    return {
        "site_id": ["s"] * n,
        "date": [NOON_UTC.date()] * n,
        "interval_start_utc": list(start_utc),
        "interval_end_utc": [moment + timedelta(minutes=1) for moment in start_utc],
        "coverage_ratio": [1.0] * n,
        "method": ["counter"] * n,
    }


def gpu(gpu_uuid: str, energy_j: list[float | None]) -> pl.DataFrame:
    columns = minutes(len(energy_j)) | {
        "node_id": ["n"] * len(energy_j),
        "gpu_uuid": [gpu_uuid] * len(energy_j),
        "energy_j": list(energy_j),
        "coverage_ratio": [0.0 if value is None else 1.0 for value in energy_j],
    }
    others = ("sampled_energy_j", "energy_disagreement_ratio")
    power = dict.fromkeys(
        (*others, "power_w_min", "power_w_mean", "power_w_max"), [None] * len(energy_j)
    )
    wanted = schema("core_gpu__interval_energy")
    return pl.DataFrame(columns | power).select(wanted.keys()).cast(wanted)  # type: ignore[arg-type]  # a dict is invariant


def meter(energy_kwh: list[float | None]) -> pl.DataFrame:
    columns = minutes(len(energy_kwh)) | {
        "meter_id": ["m"] * len(energy_kwh),
        "energy_kwh": list(energy_kwh),
    }
    wanted = schema("core_site__interval_energy")
    return pl.DataFrame(columns).select(wanted.keys()).cast(wanted)  # type: ignore[arg-type]  # a dict is invariant


def test_the_energy_of_all_gpus_stands_beside_the_meter() -> None:
    """3.6 MJ + 7.2 MJ = 3 kWh."""
    gpus = pl.concat([gpu("a", [3.6e6, 3.6e6]), gpu("b", [7.2e6, 7.2e6])])

    frame = reconcile(meter([4.0, 5.0]), [gpus], meter_id="m", minutes=1)

    assert dict(frame.schema) == schema("core_site__reconciliation")
    assert frame["metered_kwh"].to_list() == [4.0, 5.0]
    assert frame["gpu_kwh"].to_list() == pytest.approx([3.0, 3.0])
    assert frame["coverage_ratio"].to_list() == [1.0, 1.0]


def test_one_gpu_that_is_not_known_makes_the_sum_not_known() -> None:
    """Minute 0: b is NULL; minute 1: b has no row. The meter's value stands."""
    gpus = pl.concat([gpu("a", [3.6e6, 3.6e6]), gpu("b", [None])])

    frame = reconcile(meter([4.0, 5.0]), [gpus], meter_id="m", minutes=1)

    assert frame["gpu_kwh"].to_list() == [None, None]
    assert frame["metered_kwh"].to_list() == [4.0, 5.0]
    assert frame["coverage_ratio"].to_list() == [0.5, 0.5]


def test_an_interval_that_only_one_side_has_is_kept() -> None:
    frame = reconcile(meter([4.0]), [gpu("a", [3.6e6, 3.6e6])], meter_id="m", minutes=1)

    assert frame["metered_kwh"].to_list() == [4.0, None]
    assert frame["gpu_kwh"].to_list() == pytest.approx([1.0, 1.0])


def test_minutes_are_rolled_up_to_the_interval_of_the_meter() -> None:
    frame = reconcile(meter([1.0] * 5), [gpu("a", [3.6e6] * 5)], meter_id="m", minutes=5)

    assert frame.select("metered_kwh", "gpu_kwh").rows() == [(5.0, pytest.approx(5.0))]


def test_gpus_that_come_in_parts_add_up_to_the_same() -> None:
    """Sums of tenths depend on their order in the last bit: it is that of the GPUs either way."""
    energies = (0.1e6, 0.2e6, 0.3e6, 0.7e6, 1.1e6)
    gpus = [gpu(f"g{n}", [energy, None, energy]) for n, energy in enumerate(energies)]
    mixed = pl.concat(gpus).sample(fraction=1.0, shuffle=True, seed=1)

    whole = reconcile(meter([1.0] * 3), [pl.concat(gpus)], meter_id="m", minutes=1)

    for parts in ([mixed], gpus, gpus[::-1], [pl.concat(gpus[1:4]), gpus[4], gpus[0]]):
        assert reconcile(meter([1.0] * 3), parts, meter_id="m", minutes=1).equals(whole)
