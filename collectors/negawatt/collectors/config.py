"""The configuration of the agent: one TOML file, read once, unknown keys refused.

Not here: its sections (config_sections) and opening what it names (negawatt.collectors.targets).
"""

import math
from collections import Counter
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from negawatt.collectors.config_sections import (
    DcgmConfig,
    DiskConfig,
    MeterFilesConfig,
    MetricsConfig,
    NvmlConfig,
    RedfishConfig,
    RetryConfig,
    Section,
    ShipConfig,
    SiteName,
    read_config,
)

_LONGEST_TAKE_S = 10.0


class CollectConfig(Section):
    """What to read, how often and where to.

    Attributes:
        site_id: The site all targets stand in.
        spool_directory: Folder that the raw tables are written below.
        scrape_interval_s: From one reading to the next [s].
        request_timeout_s: Longest wait for one answer; shorter than the interval, so that a slow
            target costs only its own reading [s].
        log_interval_s: From one write of the log to the next; a crash loses at most this, the
            time of a write, and of exporters what came since the round before [s].
        seal_interval_s: From one sealed file to the next [s].
        scrape_spread_ratio: Over which share of the time that the timeout leaves the reads of one
            interval are spread, 0 to 1.
        response_size_limit_bytes: Largest exporter page that is read [bytes].
        disk: When to keep less.
        retry: What is done about targets that fail.
        ship: Where sealed files are copied to.
        facility_interval_s: From one reading of controllers and meter files to the next [s].
        dcgm: Exporters.
        redfish: Management controllers.
        meter_files: Files of meters.
        nvml: The GPUs of this machine.
        metrics: The agent's own figures.
    """

    site_id: SiteName
    spool_directory: Path
    scrape_interval_s: float = Field(default=1.0, ge=0.02, le=3600)
    request_timeout_s: float = Field(default=0.8, gt=0)
    log_interval_s: float = Field(default=0.5, gt=0, le=3600)
    scrape_spread_ratio: float = Field(default=1.0, ge=0, le=1)
    seal_interval_s: float = Field(default=900.0, gt=0, le=86_400)
    response_size_limit_bytes: int = Field(default=4_194_304, gt=0)
    disk: DiskConfig = DiskConfig()
    retry: RetryConfig = RetryConfig()
    ship: ShipConfig = ShipConfig()
    facility_interval_s: float = Field(default=10.0, ge=0.1, le=3600)
    dcgm: tuple[DcgmConfig, ...] = ()
    redfish: tuple[RedfishConfig, ...] = ()
    meter_files: tuple[MeterFilesConfig, ...] = ()
    nvml: NvmlConfig = NvmlConfig()
    metrics: MetricsConfig = MetricsConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.request_timeout_s >= self.scrape_interval_s:
            raise ValueError("a request_timeout_s shorter than scrape_interval_s")
        if self.nvml.enabled and self.nvml.node_id is None:
            raise ValueError("a node_id in [nvml] when it is enabled")
        if self.nvml.enabled and self.scrape_interval_s > _LONGEST_TAKE_S:
            raise ValueError(
                f"a scrape_interval_s of at most {_LONGEST_TAKE_S} when [nvml] is enabled: what "
                "the driver gave is taken so often"
            )
        node_ids = [target.node_id for target in self.dcgm]
        if self.nvml.enabled and self.nvml.node_id:
            node_ids.append(self.nvml.node_id)
        if not (node_ids or self.redfish or self.meter_files):
            raise ValueError("at least one target: [[dcgm]], [nvml] enabled, or another")
        names = [files.name for files in self.meter_files]
        if len(set(names)) < len(names):
            raise ValueError("another name for each section of [[meter_files]]")
        doubled = [node_id for node_id, count in Counter(node_ids).items() if count > 1]
        if doubled:
            raise ValueError(f"one source for each node, and {doubled[0]!r} has more than one")
        return self

    @property
    def spread_s(self) -> float:
        """Over how long the reads of one interval are spread [s]."""
        return self.scrape_spread_ratio * (self.scrape_interval_s - self.request_timeout_s)

    def tick_count(self, duration_s: float) -> int:
        """Return how many readings are due in a duration [s], the first at its start.

        Examples:
            >>> config = CollectConfig(
            ...     site_id="s", spool_directory=Path("spool"), scrape_interval_s=10,
            ...     dcgm=(DcgmConfig(url="http://localhost/metrics", node_id="n1"),))
            >>> config.tick_count(60.0), config.tick_count(61.0)
            (6, 7)
        """
        return math.ceil(duration_s / self.scrape_interval_s)


def load_config(path: Path) -> CollectConfig:
    """Read a configuration, as ``read_config`` does."""
    return read_config(CollectConfig, path, "collect sample")
