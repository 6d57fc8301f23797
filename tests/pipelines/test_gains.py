"""A card's gain from runs beside a meter to metered energy: fitted, signed, imported, applied."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli import gain, imports, keys
from negawatt.collectors.sources.protocol import GpuIdentity
from negawatt.collectors.spool import segment as collector
from negawatt.models.domain.errors import DataRefusedError, NegawattError
from negawatt.pipelines.assets.core import metered_day
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw, seal_rows
from negawatt.warehouse.sites import Site, read_sites, register_sites

pytestmark = pytest.mark.slow  # the room of pipelines is imported

_DAY = date(2026, 7, 1)
_NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
_AFTER_UTC = _NOON_UTC + timedelta(days=2)
_DRIVER = "580.95.05"


def _ran(app: object, *arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))  # type: ignore[arg-type]  # a Typer
    if isinstance(result.exception, NegawattError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def _fitted(
    folder: Path,
    key: str = "lab.pem",
    *,
    driver: str = _DRIVER,
    measured_on: str = "2026-06-01",
    record: str = "a.json",
) -> str:
    """Return the public key that signed a gain of 0.95 for GPU-a, in ``folder/a.json``."""
    (folder / "runs.csv").write_text("reading_j,truth_j\n95,100\n190,200\n", "utf-8")
    if not (folder / key).exists():
        _ran(keys.app, "new", str(folder / key))
    options = {
        "--gpu-uuid": "GPU-a",
        "--driver-version": driver,
        "--measured-on": measured_on,
        "--meter": "class 0.2 at the supply",
        "--key": str(folder / key),
    }
    said = _ran(
        gain.app,
        *("fit", str(folder / "runs.csv"), str(folder / record), "--json"),
        *(word for option in options.items() for word in option),
    )
    found = json.loads(said)
    assert found["gain_ratio"] == 0.95
    return str(found["public_key"])


def _warehouse(folder: Path, public_key: str) -> Layout:
    """Two GPUs of 95 W by their counters, and one driver all day."""
    layout = Layout(folder / "w")
    site = Site(
        time_zone="UTC",
        settlement_meter_id="m1",
        revenue_grade=True,
        boundary="one feeder",
        gain_keys=(public_key,),
    )
    register_sites(layout, {"s1": site})
    second = range(0, 601, 10)
    for gpu_uuid in ("GPU-a", "GPU-b"):
        rows = pl.DataFrame(
            {
                "node_id": "n1",
                "boot_id": "b1",
                "gpu_uuid": gpu_uuid,
                "observed_at_utc": [_NOON_UTC + timedelta(seconds=s) for s in second],
                "monotonic_ms": [s * 1_000 for s in second],
                "sequence_number": list(second),
                "counter_epoch": 0,
                "power_milliwatt": 95_000,
                "power_instant_milliwatt": 95_000,
                "energy_total_millijoule": [s * 95_000 for s in second],
                "power_limit_milliwatt": 700_000,
                "power_scope": "gpu",
                "reading_quality": "ok",
                "read_latency_ns": 1_000,
            }
        ).cast(schema("raw_gpu__power_samples"))  # type: ignore[arg-type]  # a dict is invariant
        seal_rows(layout, "raw_gpu__power_samples", "s1", "test", rows)
    _instrument(layout, _NOON_UTC - timedelta(days=1), _DRIVER)
    return layout


def _instrument(layout: Layout, since_utc: datetime, driver: str) -> None:
    name = "raw_gpu__instruments"
    row = dict.fromkeys(schema(name)) | {
        "node_id": "n1",
        "boot_id": "b1",
        "gpu_uuid": "GPU-a",
        "observed_at_utc": since_utc,
        "driver_version": driver,
    }
    seal_rows(layout, name, "s1", "test", pl.DataFrame([row], schema=schema(name)))


def _metered(layout: Layout) -> tuple[dict[str, float], list[str]]:
    """Return the energy of each GPU's first minute after noon [J], and the codes of findings."""
    frames = metered_day(layout, "s1", _DAY, _AFTER_UTC, layout.root)
    minute = frames["core_gpu__interval_energy"].filter(pl.col.interval_start_utc == _NOON_UTC)
    codes = frames["core_site__findings"]["finding_code"].to_list()
    return dict(minute.select("gpu_uuid", "energy_j").rows()), [
        code for code in codes if "gain" in code
    ]


def test_a_signed_gain_corrects_its_card_and_no_other(tmp_path: Path) -> None:
    """95 W for a minute are 5,700 J by the counter; over 0.95 they are 6,000 J."""
    layout = _warehouse(tmp_path, _fitted(tmp_path))
    command = ["gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root)]
    assert "would be corrected" in _ran(imports.app, *command, "--dry-run")
    assert _metered(layout) == ({"GPU-a": 5_700.0, "GPU-b": 5_700.0}, [])

    said = _ran(imports.app, *command)

    assert "GPU-a: gain 0.95" in said
    assert _metered(layout) == ({"GPU-a": 6_000.0, "GPU-b": 5_700.0}, ["gain_applied"])
    frames = metered_day(layout, "s1", _DAY, _AFTER_UTC, layout.root)
    rows = frames["core_gpu__interval_energy"].filter(pl.col.interval_start_utc == _NOON_UTC)
    assert dict(rows.select("gpu_uuid", "method").rows())["GPU-a"].endswith("/gain")


def test_a_gain_of_a_key_that_the_site_does_not_trust_is_refused(tmp_path: Path) -> None:
    trusted = _fitted(tmp_path)
    layout = _warehouse(tmp_path, trusted)
    assert _fitted(tmp_path, "stranger.pem") != trusted

    with pytest.raises(DataRefusedError, match="none that one of them made"):
        _ran(imports.app, "gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root))

    assert not layout.gain_folder("s1").exists()


def test_a_record_that_was_changed_in_the_warehouse_corrects_nothing_and_is_found(
    tmp_path: Path,
) -> None:
    layout = _warehouse(tmp_path, _fitted(tmp_path))
    _ran(imports.app, "gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root))
    [kept] = layout.gain_folder("s1").glob("*.json")

    kept.write_text(kept.read_text("utf-8").replace("0.95", "0.75"), "utf-8")

    assert _metered(layout) == ({"GPU-a": 5_700.0, "GPU-b": 5_700.0}, ["gain_not_applied"])


def _sealed(folder: Path, driver: str | None) -> Layout:
    """A day that a collector read from an exporter, which shows a driver or does not."""
    layout = Layout(folder / "exporter")
    register_sites(layout, read_sites(Layout(folder / "w")))
    collector.seal(
        read_all_raw(Layout(folder / "w"), "raw_gpu__power_samples", "s1").to_arrow(),
        root=layout.root,
        site_id="s1",
        source="dcgm",
        identities=[GpuIdentity(gpu_uuid="GPU-a", driver_version=driver)],
    )
    return layout


@pytest.mark.parametrize(
    ("driver", "joules", "code"),
    [
        (_DRIVER, 6_000.0, "gain_applied"),
        ("590.00", 5_700.0, "gain_not_applied"),
        (None, 5_700.0, "gain_not_applied"),
    ],
)
def test_what_an_exporter_says_of_the_driver_decides_too(
    tmp_path: Path, driver: str | None, joules: float, code: str
) -> None:
    _warehouse(tmp_path, _fitted(tmp_path))
    layout = _sealed(tmp_path, driver)
    _ran(imports.app, "gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root))

    assert _metered(layout) == ({"GPU-a": joules, "GPU-b": 5_700.0}, [code])


@pytest.mark.parametrize("since_utc", [_NOON_UTC - timedelta(hours=13), _NOON_UTC])
def test_a_gain_does_not_hold_for_another_driver(tmp_path: Path, since_utc: datetime) -> None:
    """From before the day on, or from its noon on: the day is not corrected in part."""
    layout = _warehouse(tmp_path, _fitted(tmp_path))
    _ran(imports.app, "gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root))

    _instrument(layout, since_utc, "590.00")

    assert _metered(layout) == ({"GPU-a": 5_700.0, "GPU-b": 5_700.0}, ["gain_not_applied"])


def test_a_gain_for_the_next_driver_leaves_the_days_of_the_one_before_as_they_were(
    tmp_path: Path,
) -> None:
    layout = _warehouse(tmp_path, _fitted(tmp_path))
    _ran(imports.app, "gains", str(tmp_path / "a.json"), "--site", "s1", "-w", str(layout.root))
    before = _metered(layout)
    _fitted(tmp_path, driver="999.1", measured_on="2026-08-01", record="b.json")
    _ran(imports.app, "gains", str(tmp_path / "b.json"), "--site", "s1", "-w", str(layout.root))

    assert _metered(layout) == before
    assert before[0]["GPU-a"] > before[0]["GPU-b"]
