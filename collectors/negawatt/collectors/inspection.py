"""What a source yields when it is read once, with all that is rejected: for a person who sets up.

Not here: the loop (negawatt.collectors.agent) and how the result is printed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import NvmlConfig
from negawatt.collectors.facility_sources import open_sources
from negawatt.collectors.sources.dcgm_page import interpret
from negawatt.collectors.sources.exposition import PageParser, RejectedLine
from negawatt.collectors.sources.fetch import Refusal, exporter_session, fetch_page
from negawatt.collectors.sources.nvml import DriverCallError
from negawatt.collectors.sources.nvml_follower import GpuFollower
from negawatt.collectors.sources.nvml_slow import DriverSamples
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch, GapReason, Source, Stamp, StopWatch
from negawatt.collectors.targets import open_targets
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import (
    ConfigurationError,
    DataRefusedError,
    DeviceMissingError,
    NegawattError,
)

_TIMEOUT_S = 10.0
_NVML_INTERVAL_S = 0.1
_SIZE_LIMIT_BYTES = 16_777_216
_NOT_THERE = {GapReason.CONNECTION_FAILED, GapReason.TIMEOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What one read gave.

    Attributes:
        batch: Readings, missing GPUs and findings.
        rejected: Lines that were not read, in the order of the page; none for the driver.
        instruments: Of each GPU of the driver: serial number, VBIOS, MIG and persistence mode.
        conditions: Of each GPU of the driver: why it is slowed, clocks, temperature, limit.
        samples: Of each GPU of the driver, what is in the driver's own buffer.
    """

    batch: Batch
    rejected: tuple[RejectedLine, ...] = ()
    instruments: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)


async def inspect(subject: str, clock: Clock) -> Inspection:
    """Read a thing once.

    Args:
        subject: An ``http`` address, the path of a saved page, or ``nvml``.
        clock: Stamps the readings.

    Raises:
        DeviceMissingError: Nothing answers, or there is no driver.
        DataRefusedError: The answer is no whole page.
        ConfigurationError: There is no such file.
    """
    if subject == "nvml":
        return await _inspect_nvml()
    watch = StopWatch(clock)
    body = await _fetched(subject) if subject.startswith("http") else _file_body(Path(subject))
    return _inspect_page(body, watch.stamp(), subject)


async def inspect_configured(config: CollectConfig, clock: Clock) -> dict[str, Inspection]:
    """Read everything once that a configuration names, with its credentials; store nothing.

    Args:
        config: What is read.
        clock: Stamps the readings.

    Returns:
        What each source gave, by the words of a person for it.

    Raises:
        ConfigurationError: A certificate or a secret cannot be read.
        DeviceMissingError: NVML is enabled and there is no driver.
    """
    found: dict[str, Inspection] = {}
    if config.nvml.enabled:
        found[f"node {config.nvml.node_id}: the driver of this machine"] = await _inspect_nvml()
    with TemporaryDirectory() as folder:  # what is followed is remembered there, and forgotten
        config = config.model_copy(
            update={"spool_directory": Path(folder), "nvml": NvmlConfig(enabled=False)}
        )
        async with open_targets(config) as targets:
            for target in targets:
                if isinstance(target.source, Source):
                    batch = await target.source.read(clock)
                    found[f"node {target.node_id}: exporter"] = Inspection(batch=batch)
        async with open_sources(config, (), "none") as sources:
            for source in sources:
                batch = await source.source.read(clock)
                found[f"{source.name}: {source.kind}"] = Inspection(batch=batch)
    return found


async def _inspect_nvml() -> Inspection:
    source = NvmlSource(interval_s=_NVML_INTERVAL_S, clock=SystemClock())
    try:
        await asyncio.sleep(2.5 * _NVML_INTERVAL_S)
        batch = source.take()[-1].batch
        opened = {g.opened.identity.gpu_uuid: g.opened for g in source.table.gpus if g.opened}
        looks = {
            uuid: GpuFollower(source.nvml, SystemClock()).look(gpu, 0)
            for uuid, gpu in opened.items()
        }
        findings = tuple(finding for look in looks.values() for finding in look.findings)
        return Inspection(
            batch=replace(batch, findings=(*batch.findings, *findings)),
            instruments={uuid: look.instrument or {} for uuid, look in looks.items()},
            conditions={uuid: look.conditions for uuid, look in looks.items()},
            samples={uuid: _in_words(look.samples) for uuid, look in looks.items()},
        )
    except DriverCallError as error:
        raise DeviceMissingError(
            thing="NVML",
            expected="GPUs that answer",
            found=str(error),
            remedy="look with nvidia-smi whether a GPU is lost or needs a reset",
        ) from error
    finally:
        await source.close()


def _in_words(samples: DriverSamples | None) -> str:
    if samples is None or len(samples.time_us) < 2:  # noqa: PLR2004 - for a spacing
        return "none" if samples is None else f"{len(samples.time_us)}"
    spacing_us = float(np.median(np.diff(samples.time_us)))
    return (
        f"{len(samples.time_us)}, each {spacing_us:.0f} us, by the clock {samples.driver_clock}, "
        f"{samples.refused_count} refused"
    )


async def _fetched(url: str) -> bytes:
    async with exporter_session(keepalive_s=_TIMEOUT_S, request_timeout_s=_TIMEOUT_S) as session:
        body = await fetch_page(session, url, size_limit_bytes=_SIZE_LIMIT_BYTES, access=Access())
    if isinstance(body, Refusal):
        raise _refused(url, body)
    return body


def _refused(url: str, refusal: Refusal) -> NegawattError:
    kind = DeviceMissingError if refusal.reason in _NOT_THERE else DataRefusedError
    return kind(
        thing=f"exporter {url}",
        expected="a whole page",
        found=f"{refusal.reason}: {refusal.detail}",
        remedy="check the address, and that the exporter runs and can be reached from here",
    )


def _file_body(path: Path) -> bytes:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            thing=f"page {path}",
            expected="a file that can be read, an http address, or `nvml`",
            found=error.strerror or str(error),
            remedy="give one of the three",
        ) from error
    if not body:
        raise DataRefusedError(
            thing=f"page {path}",
            expected="lines of an exporter",
            found="an empty file",
            remedy="save the page again; an exporter that reloads answers with nothing",
        )
    return body


def _inspect_page(body: bytes, stamp: Stamp, subject: str) -> Inspection:
    page = PageParser().parse(body, page_name=subject)
    batch, rejected = interpret(page, stamp, subject=subject)
    return Inspection(batch=batch, rejected=rejected)
