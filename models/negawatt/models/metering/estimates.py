"""Readings that were not measured: what a settlement may do with them.

Here: intervals whose method is not plain metering. Not here: making estimates (estimation.py).
"""

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.site_intervals import METERED


def without_estimates(
    energy: pl.DataFrame, event: Interval, meter_id: str, *, allowed: Interval | None = None
) -> tuple[pl.DataFrame, list[Finding]]:
    """Take estimated intervals out of history, and find those of the event.

    An interval that was not plainly metered counts as not covered outside the event, so that the
    days it lies in are not eligible where the rule needs it. Inside the event it stays, with a
    finding that blocks: estimated energy is not paid unless somebody decides so on record. Where
    the program allows estimates, they stay on all the event's days, and the finding is a warning.

    Args:
        energy: Rows of core_site__interval_energy of one meter.
        event: The event window.
        meter_id: The meter, for the finding.
        allowed: The event's days, where the program allows estimates on them.

    Returns:
        The rows, and at most one finding.

    Source:
        Baseline specification, section 10: estimated intervals of the event day must not enter
        the paid reduction unless the program allows; a candidate day with any is dropped.
    """
    estimated = (pl.col("method") != METERED) & pl.col("energy_kwh").is_not_null()
    window = allowed or event
    inside = (pl.col("interval_start_utc") < window.end_utc) & (
        pl.col("interval_end_utc") > window.start_utc
    )
    paid = energy.filter(estimated & inside).sort("interval_start_utc")
    coverage = pl.when(estimated & ~inside).then(0.0).otherwise(pl.col("coverage_ratio"))
    findings = _findings(paid, meter_id, is_allowed=allowed is not None)
    return energy.with_columns(coverage.alias("coverage_ratio")), findings


def _findings(paid: pl.DataFrame, meter_id: str, *, is_allowed: bool) -> list[Finding]:
    if paid.is_empty():
        return []
    methods = sorted(set(paid["method"]))
    where = "on the event's days" if is_allowed else "throughout the event"
    return [
        Finding(
            code=FindingCode.READING_ESTIMATED,
            severity=Severity.WARNING if is_allowed else Severity.BLOCKING,
            subject=f"meter {meter_id!r}",
            message=f"expected metered energy {where}, found {paid.height} intervals "
            f"marked {', '.join(methods)}, the first at "
            f"{paid['interval_start_utc'][0].isoformat()}",
            evidence={"interval_count": paid.height, "methods": methods},
        )
    ]
