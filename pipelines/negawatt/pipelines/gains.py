"""The gains of a site's cards: signed records in the warehouse, and which of them hold on a day.

A record is used where a key of the site's ``gain_keys`` signed it, and where the card ran all day
with the driver that it was measured with; else nothing is corrected, and a finding says why. Here:
files and findings. Not here: signatures (negawatt.models.metering.gain_document) and the correction
(negawatt.models.metering.gain).
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gain import GainDocument
from negawatt.models.metering.gain_document import SignedGain, checked_gain
from negawatt.models.metering.gpu_findings import gpu_subject
from negawatt.warehouse.identities import drivers_of_day
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.raw_files import read_all_raw
from negawatt.warehouse.sites import Site

_DIGITS = 16


def read_signed_gain(path: Path, site: Site) -> SignedGain:
    """Return a record and check its signature, which lies beside it with ``.sig`` at the end.

    Raises:
        ConfigurationError: A file cannot be read.
        DataRefusedError: No key of the site signed it, or it is no record.
    """
    return checked_gain(
        _bytes(path), _bytes(path.with_name(f"{path.name}.sig")), site.gain_keys, str(path)
    )


def keep_gain(layout: Layout, site_id: str, path: Path, gain: SignedGain) -> Path:
    """Copy a checked record and its signature into the warehouse; again changes nothing."""
    kept = layout.gain_folder(site_id) / f"{gain.digest[:_DIGITS]}.json"
    for source, target in (
        (path.with_name(f"{path.name}.sig"), kept.with_name(f"{kept.name}.sig")),
        (path, kept),
    ):
        with appearing_file(target) as temporary:
            temporary.write_bytes(_bytes(source))
    return kept


def gains_of_day(
    layout: Layout, site_id: str, site: Site, span: Interval
) -> tuple[dict[str, GainDocument], list[Finding]]:
    """Return which gain holds for each card on a day, and findings on all that were looked at.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        site: Its registration, with the keys that are trusted.
        span: The day.
    """
    findings: list[Finding] = []
    of_card: dict[str, list[SignedGain]] = {}
    for path in sorted(layout.gain_folder(site_id).glob("*.json")):
        try:
            gain = read_signed_gain(path, site)
        except (DataRefusedError, ConfigurationError) as error:
            findings.append(_not_applied(f"gain document {path.name}", str(error), {}))
            continue
        of_card.setdefault(gain.document.gpu_uuid, []).append(gain)
    if not of_card:
        return {}, findings
    drivers = _drivers(layout, site_id, span)
    applied = {}
    for gpu_uuid, gains in sorted(of_card.items()):
        found = drivers.get(gpu_uuid, set())
        fitting = [one for one in gains if found == {one.document.driver_version}]
        gain = max(fitting or gains, key=_age)
        if fitting:
            applied[gpu_uuid] = gain.document
            findings.append(_applied(gain))
        else:
            findings.append(
                _not_applied(
                    gpu_subject(gpu_uuid),
                    f"expected driver {gain.document.driver_version!r} all day, with which its "
                    f"gain was measured, found {sorted(found) or 'none that is known'}; its energy "
                    "is not corrected",
                    {"digest": gain.digest, "driver_versions": sorted(found)},
                )
            )
    return applied, findings


def _drivers(layout: Layout, site_id: str, span: Interval) -> dict[str, set[str]]:
    """Return the drivers that each card ran with on a day.

    Files of readings state them, whatever read the card; where the driver of its own node is asked,
    so does raw_gpu__instruments: as it stood at the day's start, and since.
    """
    rows = read_all_raw(layout, "raw_gpu__instruments", site_id).filter(
        pl.col.observed_at_utc < span.end_utc
    )
    found = drivers_of_day(layout, site_id, span.start_utc.date())
    for gpu_uuid, driver in _in_force(rows, span.start_utc):
        found.setdefault(gpu_uuid, set()).add(driver or "unknown")
    return found


def _in_force(rows: pl.DataFrame, start_utc: datetime) -> Iterator[tuple[str, str | None]]:
    is_before = pl.col.observed_at_utc <= start_utc
    before = rows.filter(is_before).sort("observed_at_utc").unique("gpu_uuid", keep="last")
    for part in (before, rows.filter(~is_before)):
        yield from part.select("gpu_uuid", "driver_version").rows()


def _age(gain: SignedGain) -> tuple[str, str]:
    return gain.document.measured_on.isoformat(), gain.digest


def _applied(gain: SignedGain) -> Finding:
    document, fit = gain.document, gain.document.fit
    return Finding(
        code=FindingCode.GAIN_APPLIED,
        severity=Severity.INFO,
        subject=gpu_subject(document.gpu_uuid),
        message=f"its energy is the counter's over {fit.gain_ratio:g} (90 %: {fit.lower_ratio:g} "
        f"to {fit.upper_ratio:g}), measured on {document.measured_on} by {document.meter}",
        evidence={
            "gain_ratio": fit.gain_ratio,
            "lower_ratio": fit.lower_ratio,
            "upper_ratio": fit.upper_ratio,
            "digest": gain.digest,
            "public_key": gain.public_key,
        },
    )


def _not_applied(subject: str, message: str, evidence: dict[str, object]) -> Finding:
    return Finding(
        code=FindingCode.GAIN_NOT_APPLIED,
        severity=Severity.WARNING,
        subject=subject,
        message=message,
        evidence=evidence,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            thing=f"gain document {path}",
            expected="a record, and its signature beside it with .sig at the end",
            found=error.strerror or type(error).__name__,
            remedy="give the path of the record, and keep both files together",
        ) from error
