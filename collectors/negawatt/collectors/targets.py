"""From a configuration to open sources.

Here: which source reads which node, and closing them all. Not here: the loop that reads them.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.sources.dcgm import DcgmSource
from negawatt.collectors.sources.fetch import exporter_session
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import PacedSource, Source

_KEEPALIVE_INTERVALS = 3
_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to read.

    Attributes:
        node_id: The node whose GPUs it shows.
        source_name: Short name of the source, part of file names.
        source: How it is read; one that keeps its own time is asked for what came.
    """

    node_id: str
    source_name: str
    source: Source | PacedSource


@asynccontextmanager
async def open_targets(config: CollectConfig) -> AsyncIterator[tuple[Target, ...]]:
    """Open everything a configuration names; close it at the end.

    Raises:
        ConfigurationError: A certificate or a secret cannot be read.
        DeviceMissingError: NVML is enabled and there is no driver.
    """
    async with AsyncExitStack() as stack:
        targets: list[Target] = []
        if config.nvml.enabled and config.nvml.node_id:
            source = NvmlSource(interval_s=config.nvml.sample_interval_s, clock=SystemClock())
            stack.push_async_callback(source.close)
            targets.append(Target(node_id=config.nvml.node_id, source_name="nvml", source=source))
        session = await stack.enter_async_context(
            exporter_session(
                keepalive_s=_KEEPALIVE_INTERVALS * config.scrape_interval_s,
                request_timeout_s=config.request_timeout_s,
            )
        )
        for exporter in config.dcgm:
            dcgm = DcgmSource(
                session,
                exporter.url,
                subject=f"exporter of node '{exporter.node_id}'",
                size_limit_bytes=config.response_size_limit_bytes,
                access=Access(exporter.access),
            )
            targets.append(Target(node_id=exporter.node_id, source_name="dcgm", source=dcgm))
        yield tuple(targets)


def machine_boot_id() -> str:
    """Return the kernel's identity of this boot."""
    return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
