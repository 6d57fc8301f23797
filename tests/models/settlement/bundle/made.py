"""A settled event by hand, with every kind of input, and its bundle.

The load is hourly: 100 kWh, 40 kWh in the event of 2026-06-30 18:00-20:00 UTC, 102 kWh on Mondays,
one hour of May not known. One job used 30 kWh an hour before the event and 10 kWh in it.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.build import SettlementTerms
from negawatt.models.settlement.bundle.write import Evidence
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.versions import issue

HOUR = timedelta(hours=1)
START_UTC = datetime(2026, 5, 1, tzinfo=UTC)
EVENT = Interval(datetime(2026, 6, 30, 18, tzinfo=UTC), datetime(2026, 6, 30, 20, tzinfo=UTC))
SITE_JSON = b'{"revenue_grade":true}'
SIGNED_AT_UTC = datetime(2026, 7, 2, 9, 30, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def load_kwh(start_utc: datetime) -> float:
    if EVENT.contains(start_utc):
        return 40.0
    return 102.0 if start_utc.weekday() == 0 else 100.1


def series(meter_id: str, start_utc: datetime, energy_kwh: list[float]) -> LoadSeries:
    values = np.array(energy_kwh)
    return LoadSeries(
        meter_id=meter_id,
        start_utc=start_utc,
        interval_minutes=60,
        energy_kwh=values,
        coverage_ratio=np.where(np.isnan(values), 0.0, 1.0),
    )


def made_inputs(job_id: str = "job 'a'/../\x01") -> SettlementInputs:
    """Return inputs whose names nobody should trust."""
    count = (EVENT.end_utc + 3 * HOUR - START_UTC) // HOUR
    energy_kwh = [load_kwh(START_UTC + n * HOUR) for n in range(count)]
    energy_kwh[30] = np.nan
    return SettlementInputs(
        event=Event(
            event_id="e1",
            revision=1,
            site_id="s1",
            program_id="pjm_economic_3day",
            interval=EVENT,
            committed_kw=50,
        ),
        rule=load_program("pjm_economic_3day"),
        alternative_rules=(load_program("pre_event_hour", overrides=("interval_minutes=60",)),),
        load=series("feeder", START_UTC, energy_kwh),
        job_loads={job_id: series(job_id, EVENT.start_utc - HOUR, [30.0, 10.0, 10.0])},
        other_event_windows=(Interval(START_UTC + 20 * HOUR, START_UTC + 21 * HOUR),),
        time_zone=ZoneInfo("America/New_York"),
        input_sha256={"site s1": sha256(SITE_JSON).hexdigest(), "a table": "a" * 64},
        data_findings=(
            Finding(
                code=FindingCode.SAMPLE_GAP,
                severity=Severity.WARNING,
                subject="node 'n1'",
                message=f"expected a reading of {job_id} every 30 s, found none for 90 s",
                evidence={"gap_s": 90.0, "of": ["GPU-1", job_id], "known": None},
            ),
        ),
        terms=SettlementTerms(statement_id="s1.e1", revenue_grade=True),
    )


def evidence_of(inputs: SettlementInputs) -> Evidence:
    provenance = Provenance(
        issued_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
        code_version="0.1.0",
        code_digest="d" * 64,
        library_versions={"numpy": "2.3.0"},
        parameters={},
        table_versions={},
    )
    return Evidence(
        statement=issue(None, settle_event(inputs).body, provenance),
        inputs=inputs,
        site_json=SITE_JSON,
        boundary="one feeder",
    )
