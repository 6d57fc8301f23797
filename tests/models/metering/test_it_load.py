"""GPUs added up by minute: what is not known of one is not known of all."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from negawatt.models.metering.it_load import it_load, node_loads

START_UTC = datetime(2026, 7, 1, tzinfo=UTC)


def minutes(*rows: tuple[str, str, int, float | None]) -> pl.DataFrame:
    """Return rows of node, GPU, minute and energy [J]."""
    starts = [START_UTC + timedelta(minutes=row[2]) for row in rows]
    return pl.DataFrame(
        {
            "node_id": [row[0] for row in rows],
            "gpu_uuid": [row[1] for row in rows],
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=1) for start in starts],
            "energy_j": [row[3] for row in rows],
            "coverage_ratio": 1.0,
        }
    )


def test_nodes_and_all_gpus_add_up() -> None:
    """36 and 18 kJ on one node, 54 kJ on the other: 0.015 kWh each, 0.03 kWh together."""
    gpus = minutes(("n1", "a", 0, 36e3), ("n1", "b", 0, 18e3), ("n2", "c", 0, 54e3))

    assert {name: one.energy_kwh.tolist() for name, one in node_loads(gpus).items()} == {
        "n1": [0.015],
        "n2": [0.015],
    }
    together = it_load(gpus)
    assert together is not None
    assert together.energy_kwh.tolist() == [0.03]


def test_a_minute_that_one_gpu_lacks_is_not_known_for_its_node_and_the_site() -> None:
    """GPU b has no row in minute 1 and no energy in minute 2."""
    gpus = minutes(
        ("n1", "a", 0, 6e4),
        ("n1", "b", 0, 6e4),
        ("n1", "a", 1, 6e4),
        ("n1", "a", 2, 6e4),
        ("n1", "b", 2, None),
        ("n2", "c", 0, 6e4),
        ("n2", "c", 1, 6e4),
        ("n2", "c", 2, 6e4),
    )

    loads, together = node_loads(gpus), it_load(gpus)

    assert np.isnan(loads["n1"].energy_kwh).tolist() == [False, True, True]
    assert not np.isnan(loads["n2"].energy_kwh).any()
    assert together is not None
    assert np.isnan(together.energy_kwh).tolist() == [False, True, True]


def test_the_order_of_gpus_changes_no_bit() -> None:
    """0.1, 0.2 and 0.3 J add up differently in binary, and alike in whole millijoules."""
    rows = [("n", "a", 0, 0.1), ("n", "b", 0, 0.2), ("n", "c", 0, 0.3)]

    first, last = it_load(minutes(*rows)), it_load(minutes(*rows[::-1]))

    assert first is not None
    assert last is not None
    assert first.energy_kwh.tobytes() == last.energy_kwh.tobytes()


def test_without_gpus_there_is_no_load() -> None:
    assert it_load(minutes(("n", "a", 0, 1.0)).clear()) is None
    assert not node_loads(minutes(("n", "a", 0, 1.0)).clear())
