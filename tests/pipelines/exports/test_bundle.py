"""A settled event to its bundle and back, through the command, on other versions and threads."""

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.verify import verify_bundle
from negawatt.pipelines import run
from negawatt.pipelines.exports.bundle import Wanted, read_evidence, write_bundle
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites
from tests.models.settlement.bundle.tamper import wrongly_located
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    event_rows,
    meter_rows,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "../../etc/'passwd\"\t=cmd()"
JOBS = (HOSTILE, "llama-70b-pretrain")
GPU, NODE = "GPU-5ca1ab1e-0000", "rack7-host42"
WANTED = Wanted(signed_at_utc=AFTER_UTC)
BUNDLING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from negawatt.models.settlement.bundle.verify import verify_bundle
from negawatt.pipelines.exports.bundle import Wanted, write_bundle
from negawatt.warehouse.layout import Layout
root, event, out = sys.argv[1:]
wanted = Wanted(signed_at_utc=datetime(2026, 7, 2, tzinfo=UTC))
write_bundle(Layout(Path(root)), event, wanted, Path(out))
assert not verify_bundle(Path(out).read_bytes()).failures
"""
# What an auditor's machine need not be able to import.
NOT_NEEDED = ("altair", "dagster", "deltalake", "duckdb", "jinja2", "vl_convert")
VERIFYING = f"""
import sys
sys.modules.update(dict.fromkeys({NOT_NEEDED!r}))
from negawatt.cli.main import main
sys.argv = ["negawatt", "verify", *sys.argv[1:]]
main()
"""


def job_rows() -> pl.DataFrame:
    """Return quarter hours of two jobs from an hour before the event to its end."""
    first_utc = EVENT_START_UTC - timedelta(hours=1)
    starts = [first_utc + n * QUARTER for n in range((EVENT_END_UTC - first_utc) // QUARTER)]
    return pl.concat(
        pl.DataFrame(
            {
                "job_id": job_id,
                "interval_start_utc": starts,
                "interval_end_utc": [start + QUARTER for start in starts],
                "energy_kwh": [power_kw / 4 for power_kw in [30.0] * 4 + [10.0] * 8],
                "reading_quality": "ok",
                "available_at_utc": [start + QUARTER for start in starts],
            }
        )
        for job_id in JOBS
    )


def allocation_rows() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "job_id": JOBS,
            "job_class": None,
            "flexibility_tier": None,
            "gpu_uuid": [GPU, f"{GPU}1"],
            "node_id": NODE,
            "allocation_start_utc": EVENT_START_UTC - timedelta(days=2),
            "allocation_end_utc": None,
            "available_at_utc": EVENT_START_UTC,
        }
    )


def discrepancy_rows() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "discrepancy_item": f"node '{NODE}' of {HOSTILE!r}",
            "first_place": f"log of {GPU}",
            "first_value": JOBS[1],
            "second_place": "the schedule",
            "second_value": "none",
            "available_at_utc": EVENT_START_UTC,
        }
    )


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Return a warehouse with one settled event; nobody changes it."""
    layout = Layout(tmp_path_factory.mktemp("bundle") / "warehouse")
    site = Site(
        time_zone="America/New_York",
        settlement_meter_id="feeder",
        revenue_grade=True,
        boundary=f"one feeder; {NODE} is behind it",
        alternative_programs=("caiso_10_in_10", "pre_event_hour", "before_and_after"),
    )
    register_sites(layout, {SITE: site})
    seal_rows(layout, "raw_meter__readings", SITE, "test", meter_rows())
    seal_rows(layout, "raw_grid__events", SITE, "test", event_rows())
    seal_rows(layout, "raw_job__readings", SITE, "test", job_rows())
    seal_rows(layout, "raw_job__allocations", SITE, "test", allocation_rows())
    seal_rows(layout, "raw_source__discrepancies", SITE, "test", discrepancy_rows())
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)
    return layout


@pytest.fixture(scope="module")
def bundle(settled: Layout) -> Path:
    return write_bundle(settled, EVENT, WANTED).path


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).with_name("negawatt")), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bundle_is_the_published_statement_and_recomputes(settled: Layout, bundle: Path) -> None:
    found = verify_bundle(bundle.read_bytes())

    assert not found.failures
    assert found.statement == read_evidence(settled, EVENT).statement
    assert found.statement.body.attribution
    assert {job.job_id for job in found.statement.body.attribution.jobs} == set(JOBS)


def test_verifying_needs_neither_orchestrator_nor_database_nor_charts(bundle: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", VERIFYING, str(bundle)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_way_from_key_to_verification_through_the_command(
    settled: Layout, tmp_path: Path
) -> None:
    key, first, second = tmp_path / "k.pem", tmp_path / "1.zip", tmp_path / "2.zip"
    asked = ("bundle", EVENT, "--warehouse", settled.root, "--sign", key, "--json", "--out")

    made = json.loads(command("keys", "new", key, "--json").stdout)
    one = json.loads(command(*asked, first).stdout)
    two = json.loads(command(*asked, second, "--after", first).stdout)
    done = command("verify", second, "--trust", made["public"], "--earlier", first, "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    details = {check["name"]: check["detail"] for check in found["checks"]}
    assert found["agrees"] is True
    assert found["bundle_digest"] == two["bundle_digest"] != one["bundle_digest"]
    assert details["chain"] == "bundles before: 1, to the first"
    assert details["signatures"].startswith(f"key {made['key_id']} at ")


def test_one_changed_byte_ends_with_exit_code_4_and_its_place(bundle: Path, tmp_path: Path) -> None:
    changed = bytearray(bundle.read_bytes())
    changed[changed.index(b"2026-06-30T18:00:00Z,10.0,1.0") + 21] ^= 1
    (tmp_path / "changed.zip").write_bytes(changed)

    done = command("verify", tmp_path / "changed.zip")

    assert done.returncode == 4
    assert "inputs/load.csv" in done.stdout
    assert "container differs: inputs/load.csv" in done.stderr


def test_ten_thousand_changed_bytes_are_found_where_they_are(bundle: Path) -> None:
    whole = bundle.read_bytes()

    assert not wrongly_located(whole, random.Random(10_000), 10_000)  # noqa: S311 - any places


def test_digests_alone_are_no_success(settled: Layout, tmp_path: Path) -> None:
    path = tmp_path / "digests.zip"

    wrote = command(
        "bundle", EVENT, "--warehouse", settled.root, "--out", path, "--inputs", "digests"
    )
    done = command("verify", path)

    assert (wrote.returncode, done.returncode) == (0, 4)
    assert "not possible" in done.stdout


def test_no_name_of_a_job_node_or_gpu_is_in_a_pseudonymized_bundle(
    settled: Layout, bundle: Path, tmp_path: Path
) -> None:
    wanted = Wanted(signed_at_utc=AFTER_UTC, pseudonym_key=bytes(32))
    names = [form for one in (*JOBS, GPU, NODE) for form in (one, json.dumps(one)[1:-1])]

    written = write_bundle(settled, EVENT, wanted, tmp_path / "hidden.zip")

    hidden, shown = (path.read_bytes() for path in (written.path, bundle))
    assert not [name for name in names if name.encode() in hidden]
    assert [name for name in (*JOBS[1:], GPU, NODE) if name.encode() in shown] == [
        *JOBS[1:],
        GPU,
        NODE,
    ]
    assert not verify_bundle(hidden).failures
    original = read_evidence(settled, EVENT).statement.body
    assert written.statement.body.totals == original.totals
    assert written.statement.body.verdicts == original.verdicts


def test_a_warehouse_that_says_something_else_by_now_is_refused(
    settled: Layout, tmp_path: Path
) -> None:
    moved = Layout(tmp_path / "warehouse")
    shutil.copytree(settled.root, moved.root)
    correction = meter_rows(LAST_DAY, LAST_DAY).with_columns(
        energy_kwh=pl.col("energy_kwh") + 1,
        available_at_utc=pl.lit(AFTER_UTC).cast(pl.Datetime("ms", "UTC")),
    )
    seal_rows(moved, "raw_meter__readings", SITE, "test", correction)
    run.run_daily_metering(moved, SITE, LAST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)

    with pytest.raises(DataRefusedError, match="settle it again") as refused:
        write_bundle(moved, EVENT, WANTED, tmp_path / "e1.zip")

    assert "recomputation: " in refused.value.found
    assert not (tmp_path / "e1.zip").exists()


def test_an_event_without_a_statement_is_refused(settled: Layout, tmp_path: Path) -> None:
    unsettled = Layout(tmp_path / "warehouse")
    shutil.copytree(settled.root / "raw_grid__events", unsettled.root / "raw_grid__events")
    shutil.copy(settled.sites_file, unsettled.sites_file)

    with pytest.raises(DataRefusedError, match="settle it first"):
        write_bundle(unsettled, EVENT, WANTED, tmp_path / "e1.zip")


def bundled_by(python: Path | str, layout: Layout, out: Path, **environment: str) -> str:
    """Return the digest of the bundle that another process writes and verifies."""
    done = subprocess.run(  # noqa: S603 - a Python of this machine
        [str(python), "-c", BUNDLING, str(layout.root), EVENT, str(out)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sha256(out.read_bytes()).hexdigest()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_any_number_of_threads_gives_the_same_bytes(
    settled: Layout, bundle: Path, tmp_path: Path, threads: str
) -> None:
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")

    digest = bundled_by(
        sys.executable, settled, tmp_path / "e1.zip", **dict.fromkeys(names, threads)
    )

    assert digest == sha256(bundle.read_bytes()).hexdigest()


def test_duckdb_2_gives_the_same_bytes(settled: Layout, bundle: Path, tmp_path: Path) -> None:
    duckdb2 = Path(sys.prefix) / "duckdb2"
    if not duckdb2.is_dir():
        pytest.skip("DuckDB 2 is not installed beside the environment: `make check` does that")

    digest = bundled_by(sys.executable, settled, tmp_path / "e1.zip", PYTHONPATH=str(duckdb2))

    assert digest == sha256(bundle.read_bytes()).hexdigest()


def test_a_compacted_and_vacuumed_warehouse_gives_the_same_bytes(
    settled: Layout, bundle: Path, tmp_path: Path
) -> None:
    compacted = Layout(tmp_path / "warehouse")
    shutil.copytree(settled.root, compacted.root)
    tables = sorted(compacted.root.glob("*/_delta_log"))
    for log in tables:
        table = DeltaTable(str(log.parent))
        table.optimize.compact()
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    digest = bundled_by(sys.executable, compacted, tmp_path / "e1.zip")

    assert tables
    assert digest == sha256(bundle.read_bytes()).hexdigest()


def python_312(folder: Path) -> Path:
    """Return a Python 3.12 with the locked packages, or skip."""
    found = shutil.which("python3.12")
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    lock = ["--require-hashes", "-r", str(ROOT / "requirements.lock")]
    steps = (
        [str(uv), "venv", "--quiet", "--python", str(found), str(folder)],
        [str(uv), "pip", "install", "--quiet", "--python", str(python), *lock],
    )
    for step in steps if found else ():
        done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - uv
        if done.returncode:
            pytest.skip(f"no environment of Python 3.12 can be made here: {done.stderr[-200:]}")
    if not found:
        pytest.skip("Python 3.12 is not installed: no python3.12 on the path")
    return python


def test_python_312_gives_the_same_bytes(settled: Layout, bundle: Path, tmp_path: Path) -> None:
    python = python_312(tmp_path / "python312")
    rooms = ("cli", "collectors", "models", "pipelines", "warehouse")
    sources = os.pathsep.join(str(ROOT / room) for room in rooms)

    digest = bundled_by(python, settled, tmp_path / "e1.zip", PYTHONPATH=sources)

    assert digest == sha256(bundle.read_bytes()).hexdigest()
