from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.sources.dcgm_page import interpret
from negawatt.collectors.sources.exposition import PageParser, RejectedLine
from negawatt.collectors.sources.line_value import LineReason
from negawatt.collectors.sources.protocol import Batch, GapReason, GpuIdentity, Stamp
from negawatt.models.domain.findings import FindingCode

_STAMP = Stamp(observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=0)


def _interpret(body: bytes) -> tuple[Batch, tuple[RejectedLine, ...]]:
    return interpret(PageParser().parse(body), _STAMP, subject="exporter")


def _line(name: str, uuid: str, value: str, more: str = "") -> str:
    return f'{name}{{gpu="0",UUID="{uuid}",modelName="NVIDIA A800"{more}}} {value}\n'


def test_watts_become_milliwatts_exactly_and_energy_stays_in_millijoules() -> None:
    """68.244 W is 68,244 mW, and 0.0005 W rounds half to even: 0 mW."""
    body = (
        _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "68.244000")
        + _line("DCGM_FI_DEV_POWER_USAGE_INSTANT", "GPU-a", "0.000500")
        + _line("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "GPU-a", "9007199254740993")
        + _line("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "GPU-a", "7e2")
    )

    reading = _interpret(body.encode())[0].readings[0]

    assert reading.power_milliwatt == 68_244
    assert reading.power_instant_milliwatt == 0
    assert reading.energy_total_millijoule == 2**53 + 1  # one more than a float can count
    assert reading.power_limit_milliwatt == 700_000


def test_names_of_old_and_new_exporters_mean_the_same() -> None:
    """DCGM 4.6 names, 2.0 names, and names read back from Prometheus."""
    pages = [
        {
            "DCGM_FI_DEV_BOARD_POWER_WATTS": "100.5",
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total": "7",
            "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS": "300",
        },
        {
            "DCGM_FI_DEV_POWER_USAGE": "100.5",
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "7",
            "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": "300",
        },
    ]

    readings = [
        _interpret("".join(_line(n, "GPU-a", v) for n, v in page.items()).encode())[0].readings
        for page in pages
    ]
    legacy = _interpret(b'dcgm_power_usage{gpu="0", uuid="GPU-a", pod=""} 100.5\n')[0].readings

    assert readings[0] == readings[1]
    assert legacy[0].power_milliwatt == readings[0][0].power_milliwatt == 100_500


def test_the_requested_limit_does_not_stand_in_for_the_enforced_one() -> None:
    body = _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "100") + _line(
        "DCGM_FI_DEV_POWER_MGMT_LIMIT", "GPU-a", "300"
    )

    assert _interpret(body.encode())[0].readings[0].power_limit_milliwatt is None


def test_mig_instances_repeat_their_gpu_and_are_not_added() -> None:
    """Three instances show 78.174, 78.174 and 78.446 W of one GPU: it draws 78.174 W, not 234.8.

    The values are those of an A800 with driver 535 that dcgm-exporter showed.
    """
    powers = ("78.446000", "78.174000", "78.174000")
    energies = ("1000", "1002", "1001")
    body = "".join(
        _line(name, "GPU-a", value, f',GPU_I_PROFILE="1g.10gb",GPU_I_ID="{n}"')
        for name, values in (
            ("DCGM_FI_DEV_POWER_USAGE", powers),
            ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", energies),
        )
        for n, value in enumerate(values)
    )

    readings = _interpret(body.encode())[0].readings

    assert len(readings) == 1
    assert readings[0].power_milliwatt == 78_174
    assert readings[0].energy_total_millijoule == 1002


def test_copies_for_slurm_jobs_and_pods_are_one_reading() -> None:
    body = "".join(
        _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "400", more)
        for more in (',hpc_job="17"', ',hpc_job="18"', ',pod="p",namespace="n"')
    )

    readings = _interpret(body.encode())[0].readings

    assert [r.power_milliwatt for r in readings] == [400_000]


def test_labels_of_schedulers_say_which_jobs_hold_a_gpu() -> None:
    """GPU-a is shared by two Slurm jobs, GPU-b holds a pod, GPU-c is idle: power counts once."""
    body = (
        _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "400", ',hpc_job="17"')
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "400", ',hpc_job="18"')
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-b", "300", ',namespace="ml",pod="train-0"')
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-c", "70", ',namespace="",pod=""')
    )

    batch = _interpret(body.encode())[0]

    assert batch.jobs == {
        "GPU-a": frozenset({"17", "18"}),
        "GPU-b": frozenset({"ml/train-0"}),
        "GPU-c": frozenset(),
    }
    assert [r.power_milliwatt for r in batch.readings] == [400_000, 300_000, 70_000]


@pytest.mark.parametrize(
    ("labels", "job"),
    [
        ('pod_name="p",pod_namespace="n"', "n/p"),  # before 2.0
        ('pod="p",namespace="n",hpc_job="17"', "17"),
        ('instance="a:9400",pod="exporter-x",namespace="mon"', None),  # the exporter's own pod
        ('instance="a:9400",pod="exporter-x",exported_pod="p",exported_namespace="n"', "n/p"),
    ],
)
def test_a_job_is_named_as_its_scheduler_names_it(labels: str, job: str | None) -> None:
    body = _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "400", f",{labels}")

    assert _interpret(body.encode())[0].jobs == {"GPU-a": frozenset({job} if job else ())}


def test_what_a_gpu_does_not_say_is_unknown_and_not_zero() -> None:
    reading = _interpret(_line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "0.0").encode())[0].readings[0]

    assert reading.power_milliwatt == 0
    assert reading.energy_total_millijoule is None
    assert reading.power_instant_milliwatt is None


def test_identity_comes_from_labels_of_old_and_new_spelling() -> None:
    for host_label in ("Hostname", "hostname"):
        body = _line(
            "DCGM_FI_DEV_POWER_USAGE",
            "GPU-a",
            "1",
            f',{host_label}="n1",DCGM_FI_DRIVER_VERSION="580.1"',
        )

        identity = _interpret(body.encode())[0].readings[0].identity

        assert identity == GpuIdentity(
            gpu_uuid="GPU-a", model_name="NVIDIA A800", driver_version="580.1", host_name="n1"
        )


def test_a_page_without_power_is_a_finding_that_names_the_gpus() -> None:
    batch, _ = _interpret(_line("DCGM_FI_DEV_FB_FREE", "GPU-a", "14912").encode())

    assert batch.readings == ()
    assert batch.missing == {"GPU-a": GapReason.NO_POWER_READING}
    assert [f.code for f in batch.findings] == [FindingCode.EXPORTER_PAGE_WITHOUT_POWER]
    assert batch.findings[0].evidence == {"gpu_uuids": ["GPU-a"], "model_names": ["NVIDIA A800"]}


def test_a_sentinel_leaves_the_value_unknown_and_is_a_finding() -> None:
    body = _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "100") + _line(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "GPU-a", "9223372036854775794"
    )

    batch, rejected = _interpret(body.encode())

    assert batch.readings[0].energy_total_millijoule is None
    assert [f.code for f in batch.findings] == [FindingCode.READING_SENTINEL]
    assert rejected[0].line_number == 2


def test_lines_that_cannot_be_power_of_a_gpu_are_rejected_with_a_reason() -> None:
    body = (
        _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "-0.001")
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "2147484")
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", f"0e{'9' * 20}")
        + _line("DCGM_FI_DEV_POWER_USAGE", "MIG-b", "100")
        + "DCGM_FI_DEV_POWER_USAGE 100\n"
        + _line("DCGM_FI_DEV_POWER_USAGE", "GPU-a", "2147483.5")
    )

    batch, rejected = _interpret(body.encode())

    assert [line.reason for line in rejected] == [
        *[LineReason.VALUE_OUT_OF_RANGE] * 3,
        LineReason.MIG_UUID,
        LineReason.NO_GPU_UUID,
    ]
    assert [r.power_milliwatt for r in batch.readings] == [2_147_483_500]


def test_a_rendered_page_reads_back() -> None:
    gpus = [
        EmulatedGpu(
            gpu_uuid=f"GPU-{n}",
            index=n,
            power_milliwatt=500_001 + n,
            energy_total_millijoule=10**15 + n,
            power_limit_milliwatt=700_000,
            gpu_util_ratio=0.97,
            gpu_temperature_c=61,
        )
        for n in range(8)
    ]

    batch, rejected = _interpret(render_page(gpus))

    assert rejected == ()
    assert batch.findings == ()
    assert [
        (r.identity.gpu_uuid, r.power_milliwatt, r.energy_total_millijoule, r.power_limit_milliwatt)
        for r in batch.readings
    ] == [(f"GPU-{n}", 500_001 + n, 10**15 + n, 700_000) for n in range(8)]


@pytest.mark.shared
def test_real_pages_are_read_whole_and_as_the_reference_parser_reads_them(
    shared_data: Path,
) -> None:
    """Five pages of the CNCF conformance reports; power as printed on the pages."""
    expected_milliwatt = {
        "cncf_v1.35_ericsson-ccd_0.prom": 68_244,
        "cncf_v1.35_kops_0.prom": 16_365,
        "cncf_v1.35_rafay_0.prom": None,
        "cncf_v1.35_upcloud_0.prom": 35_686,
        "cncf_v1.35_vks_0.prom": None,
    }
    folder = shared_data / "formats" / "dcgm"

    found_milliwatt = {}
    for path in folder.glob("*.prom"):
        body = path.read_bytes()
        page = PageParser().parse(body)
        batch, rejected = _interpret(body)
        assert rejected == ()
        assert len(batch.readings) + len(batch.missing) == 1
        power = [r.power_milliwatt for r in batch.readings]
        found_milliwatt[path.name] = power[0] if power else None
        reference = {
            (s.name.removesuffix("_total"), s.value)
            for family in text_string_to_metric_families(body.decode())
            for s in family.samples
        }
        assert {
            (s.series.name.removesuffix("_total"), float(s.value_text)) for s in page.samples
        } == reference

    assert found_milliwatt == expected_milliwatt
