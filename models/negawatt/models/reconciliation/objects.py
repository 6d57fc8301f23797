"""Energies of the objects of an electrical path over one day, from whatever measured them.

Here: meters' intervals, samples of power and energies of GPUs on one grid. Not here: which sums
must agree (feeds.py).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.topology import NODE, Topology
from negawatt.models.domain.units import J_PER_KWH, MS_PER_S
from negawatt.models.metering.pieces import instant_text
from negawatt.models.metering.power_samples import plain_samples, sampled_energy
from negawatt.models.metering.roll_up import roll_up
from negawatt.models.metering.sample_rules import SampleRules
from negawatt.models.reconciliation.feeds import GPUS, METERED, ObjectEnergy
from negawatt.models.reconciliation.meter_and_gpus import sum_of_gpus

Samples = tuple[NDArray[np.int64], NDArray[np.float64]]
_OK = "ok"


def grid_ms(span: Interval, minutes: int) -> NDArray[np.int64]:
    """Return the edges of a span's intervals, since 1970 [ms], shape (n + 1,)."""
    count = (span.end_utc - span.start_utc) // timedelta(minutes=minutes)
    start_ms = round(span.start_utc.timestamp() * MS_PER_S)
    length_ms = timedelta(minutes=minutes) // timedelta(milliseconds=1)
    return start_ms + length_ms * np.arange(count + 1)


def meter_energies(
    meters: pl.DataFrame, topology: Topology, span: Interval, minutes: int
) -> dict[str, ObjectEnergy]:
    """Return the energy of each interval meter that is an object of the path.

    Args:
        meters: Rows of core_site__interval_energy of one site and day.
        topology: The path.
        span: The day.
        minutes: Length of the intervals [min].
    """
    known = meters.filter(pl.col("meter_id").is_in(list(topology.objects)))
    rolled = roll_up(known, minutes).rename({"meter_id": "object_id"})
    return dict(_on_grid(rolled, span, minutes, METERED))


def node_energies(
    gpus: pl.DataFrame, topology: Topology, span: Interval, minutes: int
) -> dict[str, ObjectEnergy]:
    """Return the energy of all GPUs of each node of the path; NaN where one of them is not known.

    Args:
        gpus: What ``for_reconciliation`` made of the GPUs of one site and day.
        topology: The path.
        span: The day.
        minutes: Length of the intervals [min].
    """
    nodes = [name for name, one in topology.objects.items() if one.object_type == NODE]
    rows = sum_of_gpus(gpus.filter(pl.col("node_id").is_in(nodes)), "node_id")
    return dict(_on_grid(rows.rename({"node_id": "object_id"}), span, minutes, GPUS))


def power_series(
    samples: pl.DataFrame, topology: Topology, rules: SampleRules
) -> tuple[dict[str, Samples], list[Finding]]:
    """Return the readings of each meter that is an object of the path: stamps [ms], power [W].

    A meter of a node is named ``node_id/meter_id``; by ``node_id`` alone where that object is no
    node and has one meter. Readings that their source marked are left out.

    Args:
        samples: Rows of raw_node__power_samples.
        topology: The path.
        rules: What is done with everything that is not a plain sample.

    Returns:
        The samples that count, of each meter; and what was found in the others.
    """
    plain = samples.filter(pl.col("power_w").is_finite() & (pl.col("reading_quality") == _OK))
    by_meter = plain.partition_by("node_id", "meter_id", as_dict=True)
    meters_of: dict[str, int] = {}
    for node_id, _ in by_meter:
        meters_of[str(node_id)] = meters_of.get(str(node_id), 0) + 1
    found: dict[str, Samples] = {}
    findings: list[Finding] = []
    for (node_id, meter_id), rows in sorted(by_meter.items()):
        name = f"{node_id}/{meter_id}"
        if name not in topology.objects:
            name = str(node_id)
            one = topology.objects.get(name)
            if one is None or one.object_type == NODE or meters_of[name] > 1:
                continue
        time_ms, power_w, left_out = plain_samples(
            rows["observed_at_utc"].dt.epoch("ms").to_numpy(),
            rows["power_w"].to_numpy(),
            rules,
            subject=_subject(name),
        )
        found[name] = time_ms, power_w
        findings += left_out
    return found, findings


def sampled_energies(
    series: Mapping[str, Samples], edges_ms: NDArray[np.int64], rules: SampleRules
) -> tuple[dict[str, ObjectEnergy], list[Finding]]:
    """Return the energy of each series between the edges, each integrated over its own stamps.

    Args:
        series: Stamps and power by object, from ``power_series``.
        edges_ms: Edges of the intervals [ms], shape (n + 1,).
        rules: How samples become energy.

    Returns:
        Energies by object; and the gaps that were found, before the first reading and behind the
        last one too.
    """
    found: dict[str, ObjectEnergy] = {}
    findings: list[Finding] = []
    for name, (time_ms, power_w) in series.items():
        energy = sampled_energy(time_ms, power_w, edges_ms, rules, subject=_subject(name))
        findings += energy.findings
        found[name] = ObjectEnergy(
            energy_kwh=energy.energy_j / J_PER_KWH,
            coverage_ratio=energy.coverage_ratio,
            kind=METERED,
        )
        if found[name].is_known:  # one of which nothing is known is found beside others (feeds.py)
            findings += _open_ends(name, time_ms, edges_ms, rules)
    return found, findings


def _open_ends(
    name: str, time_ms: NDArray[np.int64], edges_ms: NDArray[np.int64], rules: SampleRules
) -> list[Finding]:
    """Return a finding where the first reading comes late or the last one early."""
    late_s = (int(time_ms[0]) - int(edges_ms[0])) / MS_PER_S
    early_s = (int(edges_ms[-1]) - int(time_ms[-1])) / MS_PER_S
    if max(late_s, early_s) <= rules.max_gap_s:
        return []
    first_utc, last_utc = instant_text(time_ms[0]), instant_text(time_ms[-1])
    return [
        Finding(
            code=FindingCode.SAMPLE_GAP,
            severity=Severity.WARNING,
            subject=_subject(name),
            message=f"expected readings from {instant_text(edges_ms[0])} to "
            f"{instant_text(edges_ms[-1])}, found the first at {first_utc} and the last at "
            f"{last_utc}: what is outside them is not known",
            evidence={"first_utc": first_utc, "last_utc": last_utc},
        )
    ]


def _subject(name: str) -> str:
    return f"meter {name!r}"


def _on_grid(
    rows: pl.DataFrame, span: Interval, minutes: int, kind: str
) -> Iterator[tuple[str, ObjectEnergy]]:
    count = (span.end_utc - span.start_utc) // timedelta(minutes=minutes)
    for (name,), own in sorted(rows.partition_by("object_id", as_dict=True).items()):
        energy_kwh, coverage_ratio = np.full(count, np.nan), np.zeros(count)
        starts: list[datetime] = own["interval_start_utc"].to_list()
        index = [(start - span.start_utc) // timedelta(minutes=minutes) for start in starts]
        energy_kwh[index] = own["energy_kwh"].fill_null(np.nan).to_numpy()
        coverage_ratio[index] = own["coverage_ratio"].to_numpy()
        yield (
            str(name),
            ObjectEnergy(energy_kwh=energy_kwh, coverage_ratio=coverage_ratio, kind=kind),
        )
