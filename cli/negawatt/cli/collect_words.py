"""What one read yielded and what was found, in words and as JSON values.

Not here: reading (negawatt.collectors.inspection).
"""

from dataclasses import asdict

import typer

from negawatt.collectors.inspection import Inspection
from negawatt.collectors.sources.protocol import MeterReading, NodePower, Reading
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import MILLIWATT_PER_W

_SHOWN = 3  # intervals of a meter at each end


def finding_values(finding: Finding) -> dict[str, object]:
    """Return a finding as JSON values, with what its code means."""
    return {**asdict(finding), "description": finding.code.description}


def finding_line(finding: Finding) -> str:
    """Return a finding as one line."""
    return f"{finding.severity}: {finding.code}: {finding.subject}: {finding.message}"


def inspection_values(inspection: Inspection) -> dict[str, object]:
    """Return what a read yielded as JSON values."""
    return {
        "readings": [asdict(reading) for reading in inspection.batch.readings],
        "missing": dict(inspection.batch.missing),
        "findings": [finding_values(finding) for finding in inspection.batch.findings],
        "node_powers": [asdict(row) for row in inspection.batch.node_powers],
        "meter_readings": [asdict(row) for row in inspection.batch.meter_readings],
        "conditions": {uuid: dict(facts) for uuid, facts in inspection.conditions.items()},
        "driver_samples": dict(inspection.samples),
        "instruments": {uuid: dict(facts) for uuid, facts in inspection.instruments.items()},
        "rejected_lines": [asdict(line) for line in inspection.rejected],
    }


def print_inspection(inspection: Inspection) -> None:
    """Print what a read yielded, a line for each thing."""
    for reading in inspection.batch.readings:
        typer.echo(_reading_line(reading))
    for gpu_uuid, facts in (*inspection.instruments.items(), *inspection.conditions.items()):
        said = ", ".join(
            f"{name} {'unknown' if value is None else value}" for name, value in facts.items()
        )
        typer.echo(f"{gpu_uuid}: {said}")
    for gpu_uuid, words in inspection.samples.items():
        typer.echo(f"{gpu_uuid}: the driver's own samples: {words}")
    for row in inspection.batch.node_powers:
        typer.echo(_node_line(row))
    _print_meters(inspection.batch.meter_readings)
    for gpu_uuid, reason in inspection.batch.missing.items():
        typer.echo(f"{gpu_uuid}: {reason}")
    for finding in inspection.batch.findings:
        typer.echo(finding_line(finding))
    for line in inspection.rejected:
        typer.echo(f"line {line.line_number} rejected: {line.reason}: {line.text}")


def _reading_line(reading: Reading) -> str:
    identity = reading.identity
    known = [
        f"power {_watt(reading.power_milliwatt)}",
        f"instant {_watt(reading.power_instant_milliwatt)}",
        f"limit {_watt(reading.power_limit_milliwatt)}",
        "energy unknown"
        if reading.energy_total_millijoule is None
        else f"energy {reading.energy_total_millijoule} mJ",
    ]
    model = identity.model_name or "unknown model"
    driver = identity.driver_version or "unknown"
    return (
        f"{identity.gpu_uuid} ({model}, driver {driver}), scope {reading.power_scope}: "
        + ", ".join(known)
    )


def _node_line(row: NodePower) -> str:
    power = "unknown" if row.power_w is None else f"{row.power_w:g} W"
    energy = "unknown" if row.energy_total_kwh is None else f"{row.energy_total_kwh:g} kWh"
    return f"meter {row.meter_id}: power {power}, energy {energy}, {row.reading_quality}"


def _print_meters(readings: tuple[MeterReading, ...]) -> None:
    """Print the first and last intervals; a file may hold years of them."""
    left_out = len(readings) - 2 * _SHOWN
    for n, reading in enumerate(readings):
        if n < _SHOWN or n >= len(readings) - _SHOWN:
            energy = "unknown" if reading.energy_kwh is None else f"{reading.energy_kwh:g} kWh"
            start, end = reading.interval_start_utc, reading.interval_end_utc
            typer.echo(
                f"meter {reading.meter_id}: {start:%Y-%m-%dT%H:%MZ} to {end:%H:%MZ} {energy}"
            )
        elif n == _SHOWN:
            typer.echo(f"... {left_out} more")


def _watt(milliwatt: int | None) -> str:
    return "unknown" if milliwatt is None else f"{milliwatt / MILLIWATT_PER_W:.3f} W"
