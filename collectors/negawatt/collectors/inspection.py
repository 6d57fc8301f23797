"""What one exporter page or the driver yields, with every rejected line: for a person who sets up.

Not here: the loop (negawatt.collectors.agent) and how the result is printed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.sources.dcgm_page import interpret
from negawatt.collectors.sources.exposition import PageParser, RejectedLine
from negawatt.collectors.sources.fetch import Refusal, exporter_session, fetch_page
from negawatt.collectors.sources.nvml import instrument
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch, GapReason, Stamp, StopWatch
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
    """

    batch: Batch
    rejected: tuple[RejectedLine, ...] = ()
    instruments: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


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


async def _inspect_nvml() -> Inspection:
    source = NvmlSource(interval_s=_NVML_INTERVAL_S, clock=SystemClock())
    try:
        await asyncio.sleep(2.5 * _NVML_INTERVAL_S)
        ticks = source.take()
        opened = [gpu.opened for gpu in source.table.gpus if gpu.opened]
        return Inspection(
            batch=ticks[-1].batch,
            instruments={gpu.identity.gpu_uuid: instrument(gpu) for gpu in opened},
        )
    finally:
        await source.close()


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
