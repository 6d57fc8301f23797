"""All GPUs of a site: by hand, the contract of the table, then what must never be mixed."""

from datetime import UTC, datetime, timedelta
from time import process_time

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_minutes import gpu_interval_energy
from negawatt.warehouse.catalog import schema

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
TEN_MINUTES = Interval(NOON_UTC, NOON_UTC + timedelta(minutes=10))


def readings(
    gpu_uuid: str = "GPU-a", *, power_w: float = 700.0, counter_w: float = 700.0, step_s: int = 10
) -> pl.DataFrame:
    """Return readings over the ten minutes, edges included, of constant power."""
    second = np.arange(0, 601, step_s)
    n = len(second)
    return pl.DataFrame(
        {
            "node_id": ["n1"] * n,
            "boot_id": ["b1"] * n,
            "gpu_uuid": [gpu_uuid] * n,
            "observed_at_utc": [NOON_UTC + timedelta(seconds=int(moment)) for moment in second],
            "monotonic_ms": second * 1_000,
            "sequence_number": second,
            "counter_epoch": [0] * n,
            "power_milliwatt": [round(power_w * 1_000)] * n,
            "power_instant_milliwatt": [round(power_w * 1_000)] * n,
            "energy_total_millijoule": (5_000 + second * counter_w * 1_000).astype(np.int64),
            "power_limit_milliwatt": [700_000] * n,
            "power_scope": ["gpu"] * n,
            "reading_quality": ["ok"] * n,
            "read_latency_ns": [1_000] * n,
        }
    ).cast(schema("raw_gpu__power_samples"))  # type: ignore[arg-type]  # a dict is invariant


def at_second(second: int) -> pl.Expr:
    return pl.col.observed_at_utc == NOON_UTC + timedelta(seconds=second)


def minutes(samples: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    return gpu_interval_energy(samples, TEN_MINUTES, "phoenix")


def test_a_minute_at_700_w_is_42_kj() -> None:
    """700 W x 60 s."""
    frame, findings = minutes(readings())

    assert frame["energy_j"].to_list() == [42_000.0] * 10
    for column in ("power_w_min", "power_w_mean", "power_w_max"):
        assert frame[column].to_list() == [700.0] * 10
    assert frame["coverage_ratio"].to_list() == [1.0] * 10
    assert frame["method"].to_list() == ["counter"] * 10
    assert findings == []


def test_the_rows_are_those_of_the_catalog_sorted_by_gpu_and_time() -> None:
    frame, _ = minutes(pl.concat([readings("GPU-b"), readings("GPU-a")]))

    assert dict(frame.schema) == schema("core_gpu__interval_energy")
    assert frame["gpu_uuid"].to_list() == ["GPU-a"] * 10 + ["GPU-b"] * 10
    assert frame["interval_start_utc"].to_list()[:2] == [NOON_UTC, NOON_UTC + timedelta(minutes=1)]


@pytest.mark.parametrize("shift_s", [-601, 600])
@pytest.mark.parametrize("quality", ["ok", "repeat", "stale"])
def test_a_gpu_that_was_read_only_before_or_after_the_day_is_none_of_its_own(
    shift_s: int, quality: str
) -> None:
    """The day is half open: a reading just when it ends belongs to the next one."""
    other = readings("GPU-b").with_columns(
        pl.col.observed_at_utc + timedelta(seconds=shift_s), reading_quality=pl.lit(quality)
    )

    frame, findings = minutes(pl.concat([readings("GPU-a"), other]))

    assert frame.equals(minutes(readings("GPU-a"))[0])
    assert findings == []


def test_a_gpu_whose_readings_of_the_day_were_all_marked_is_not_known_and_one_of_it() -> None:
    marked = readings("GPU-b").with_columns(
        reading_quality=pl.when(at_second(600)).then(pl.lit("ok")).otherwise(pl.lit("stale"))
    )

    frame, _ = minutes(marked)

    assert frame["gpu_uuid"].unique().to_list() == ["GPU-b"]
    assert frame["energy_j"].null_count() == 10


def test_no_readings_give_no_rows_of_the_right_types() -> None:
    frame, findings = minutes(readings().clear())

    assert dict(frame.schema) == schema("core_gpu__interval_energy")
    assert frame.is_empty()
    assert findings == []


def test_order_of_rows_and_rows_given_twice_change_nothing() -> None:
    samples = pl.concat([readings("GPU-a"), readings("GPU-b", power_w=300, counter_w=300)])
    mixed = pl.concat([samples, samples.head(30)]).sample(fraction=1.0, shuffle=True, seed=1)

    expected, result = minutes(samples), minutes(mixed)

    assert result[0].equals(expected[0])
    assert result[1] == expected[1]


def test_only_the_scope_of_the_gpu_counts() -> None:
    """Module power holds the processor's too: 1500 W must not reach a GPU's minute."""
    module = readings(power_w=1_500, counter_w=1_500).with_columns(power_scope=pl.lit("module"))

    frame, findings = minutes(pl.concat([readings(), module]))

    assert frame["energy_j"].to_list() == [42_000.0] * 10
    assert findings == []


def test_a_reset_touches_one_minute_and_is_found_once() -> None:
    """From 03:30 on the counter starts near 0: only minute 3 is not known."""
    after = pl.col.observed_at_utc >= NOON_UTC + timedelta(seconds=210)
    since_mj = pl.col.energy_total_millijoule - 146_000_000
    samples = readings().with_columns(
        pl.when(after).then(since_mj).otherwise("energy_total_millijoule").name.keep()
    )

    frame, findings = minutes(samples)

    assert frame["energy_j"].is_null().arg_true().to_list() == [3]
    assert frame["method"][3] == "not_known"
    assert frame["coverage_ratio"][3] == pytest.approx(50 / 60)
    assert [finding.code for finding in findings] == [
        FindingCode.COUNTER_RESET,
        FindingCode.COVERAGE_LOW,
    ]
    assert findings[0].evidence["first_after_utc"] == "2026-07-01T12:03:30+00:00"


@pytest.mark.parametrize(
    "column", [pl.lit("b2").alias("boot_id"), pl.lit(1, pl.Int32).alias("counter_epoch")]
)
def test_another_boot_or_epoch_is_another_counter(column: pl.Expr) -> None:
    """The counter happens to be higher than before: the difference would look like energy."""
    first = readings().filter(pl.col.observed_at_utc < NOON_UTC + timedelta(minutes=5))
    second = readings().filter(pl.col.observed_at_utc >= NOON_UTC + timedelta(minutes=5))

    frame, findings = minutes(pl.concat([first, second.with_columns(column)]))

    assert frame["energy_j"].is_null().arg_true().to_list() == [4]
    assert findings[0].code is FindingCode.COUNTER_RESET


def test_a_counter_that_is_null_is_not_zero_and_not_replaced_by_power() -> None:
    samples = readings().with_columns(energy_total_millijoule=pl.lit(None, pl.Int64))

    frame, findings = minutes(samples)

    assert frame["energy_j"].to_list() == [None] * 10
    assert frame["power_w_mean"].to_list() == [None] * 10
    assert frame["power_w_max"].to_list() == [700.0] * 10
    assert frame["coverage_ratio"].to_list() == [0.0] * 10
    assert [finding.code for finding in findings] == [FindingCode.COVERAGE_LOW]
    assert findings[0].evidence["unknown_count"] == 10


def test_a_read_of_0_w_is_a_failed_read() -> None:
    zero = pl.when(at_second(30)).then(pl.lit(0, pl.Int32)).otherwise("power_milliwatt").name.keep()

    frame, findings = minutes(readings().with_columns(zero))

    assert frame["power_w_min"].to_list() == [700.0] * 10
    assert [finding.code for finding in findings] == [FindingCode.READING_SENTINEL]


def test_a_reading_that_its_source_marked_is_left_out_and_reported() -> None:
    """Its counter says 0: taken in, it would look like two resets."""
    bad = at_second(30)
    samples = readings().with_columns(
        pl.when(bad).then(pl.lit("late")).otherwise("reading_quality").alias("reading_quality"),
        pl.when(bad).then(0).otherwise("energy_total_millijoule").name.keep(),
    )

    frame, findings = minutes(samples)

    assert frame["energy_j"].to_list() == [42_000.0] * 10
    assert [finding.code for finding in findings] == [FindingCode.READING_FLAGGED]
    assert findings[0].evidence == {"count_of_quality": {"late": 1}}


def test_a_long_outage_keeps_its_total_and_says_so() -> None:
    """No reading from 02:00 to 05:00, more than 35 s: 3 x 42 kJ are spread over the gap."""
    kept = ~pl.col.observed_at_utc.is_between(
        NOON_UTC + timedelta(seconds=121), NOON_UTC + timedelta(seconds=299)
    )

    frame, findings = minutes(readings().filter(kept))

    assert frame["energy_j"].to_list() == pytest.approx([42_000.0] * 10)
    assert frame["method"].to_list()[2:5] == ["counter_interpolated"] * 3
    assert frame["coverage_ratio"].to_list()[1:6] == [1.0, 0.0, 0.0, 0.0, 1.0]
    assert [finding.code for finding in findings] == [
        FindingCode.SAMPLE_GAP,
        FindingCode.COVERAGE_LOW,
    ]


def test_counter_and_power_that_disagree_are_found_once_a_day() -> None:
    """700 W by the counter, 721 W by power: 3 % apart in both windows of 5 minutes."""
    frame, findings = minutes(readings(power_w=721))

    assert frame["energy_j"].to_list() == [42_000.0] * 10
    (found,) = findings
    assert found.code is FindingCode.ENERGY_METHODS_DISAGREE
    assert found.evidence["window_count"] == 2
    assert found.evidence["compared_count"] == 2
    assert found.evidence["worst_ratio"] == pytest.approx(0.03)
    assert found.evidence["worst_counter_j"] == 210_000.0


def test_counter_and_power_within_two_percent_are_no_finding() -> None:
    assert minutes(readings(power_w=713))[1] == []


def test_only_windows_that_both_cover_are_compared() -> None:
    """The load falls at 12:05 while the counter is silent: spread evenly, it would look apart."""
    early = pl.col.observed_at_utc <= NOON_UTC + timedelta(minutes=5)
    silent = pl.col.observed_at_utc.is_between(
        NOON_UTC + timedelta(seconds=121), NOON_UTC + timedelta(seconds=479)
    )
    since_mj = 105_000_000 + (pl.col.energy_total_millijoule - 5_000) // 2 + 5_000
    counter_mj = pl.when(early).then("energy_total_millijoule").otherwise(since_mj)
    samples = readings().with_columns(
        pl.when(early).then(700_000).otherwise(350_000).cast(pl.Int32).alias("power_milliwatt"),
        pl.when(~silent).then(counter_mj).alias("energy_total_millijoule"),
    )

    frame, findings = minutes(samples)

    assert frame["energy_j"].sum() == pytest.approx((700 + 350) * 300)
    assert [finding.code for finding in findings] == [FindingCode.COVERAGE_LOW]


def test_a_reset_before_the_day_is_another_days_finding() -> None:
    """The day starts at 12:05; the counter began anew at 12:03:30."""
    after = pl.col.observed_at_utc >= NOON_UTC + timedelta(seconds=210)
    since_mj = pl.col.energy_total_millijoule - 146_000_000
    samples = readings().with_columns(
        pl.when(after).then(since_mj).otherwise("energy_total_millijoule").name.keep()
    )
    day = Interval(NOON_UTC + timedelta(minutes=5), NOON_UTC + timedelta(minutes=10))

    frame, findings = gpu_interval_energy(samples, day, "phoenix")

    assert frame["energy_j"].to_list() == [42_000.0] * 5
    assert findings == []


def test_the_worst_window_is_named() -> None:
    """From 12:06 on power reads 5 % high: 4 of the 5 minutes of the second window, 4 %."""
    late = pl.col.observed_at_utc > NOON_UTC + timedelta(minutes=6)
    samples = readings().with_columns(
        pl.when(late).then(735_000).otherwise("power_milliwatt").cast(pl.Int32).name.keep()
    )

    (found,) = minutes(samples)[1]

    assert found.evidence["worst_start_utc"] == "2026-07-01T12:05:00+00:00"
    assert found.evidence["worst_ratio"] == pytest.approx(0.04, abs=0.001)
    assert (found.evidence["window_count"], found.evidence["compared_count"]) == (1, 2)


def test_longer_intervals_hold_the_sum_of_their_minutes() -> None:
    frame, _ = gpu_interval_energy(readings(), TEN_MINUTES, "phoenix", interval_minutes=5)

    assert frame["energy_j"].to_list() == [210_000.0] * 2


def test_a_day_that_is_no_whole_number_of_intervals_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of 3-minute intervals"):
        gpu_interval_energy(readings(), TEN_MINUTES, "phoenix", interval_minutes=3)


@pytest.mark.slow
def test_a_day_of_64_gpus_costs_less_than_10_sorts_of_its_rows() -> None:
    """64 x 8640 rows. The reference is measured in the same run: seconds differ by machine."""
    second = np.arange(-60, 86_461, 10)
    midnight_utc = datetime(2026, 7, 1, tzinfo=UTC)
    time = pl.DataFrame(
        {
            "observed_at_utc": round(midnight_utc.timestamp() * 1_000) + second * 1_000,
            "monotonic_ms": (second + 60) * 1_000,
            "energy_total_millijoule": (second + 60) * 700_000,
        }
    ).with_columns(pl.col.observed_at_utc.cast(pl.Datetime("ms", "UTC")))
    one = readings().head(1).drop("gpu_uuid", *time.columns)
    gpus = pl.DataFrame({"gpu_uuid": [f"GPU-{number:03d}" for number in range(64)]})
    samples = gpus.join(one, how="cross").join(time, how="cross").sample(fraction=1, shuffle=True)
    day = Interval(midnight_utc, midnight_utc + timedelta(days=1))

    started_s = process_time()
    frame, findings = gpu_interval_energy(samples, day, "phoenix")
    took_s = process_time() - started_s

    started_s = process_time()
    for _ in range(10):
        samples.sort("gpu_uuid", "observed_at_utc", "energy_total_millijoule")
    reference_s = process_time() - started_s
    assert took_s < reference_s
    assert frame["energy_j"].to_list() == [42_000.0] * (64 * 1440)
    assert findings == []
