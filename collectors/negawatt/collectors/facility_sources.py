"""From a configuration to the sources that are read beside the GPUs.

Not here: reading them in turn (facility), and GPU targets (targets).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Final

import pyarrow as pa

from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import MeterFilesConfig
from negawatt.collectors.raw_schema import NODE_POWER, SCHEMAS
from negawatt.collectors.sources.fetch import exporter_session
from negawatt.collectors.sources.meter_file import MeterFiles
from negawatt.collectors.sources.meter_profile import MeterProfile
from negawatt.collectors.sources.nvml_slow_source import SlowSource
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch, RowQuality, Source
from negawatt.collectors.sources.redfish import CONNECTIONS, RedfishSource
from negawatt.collectors.sources.redfish_session import RedfishAccess
from negawatt.collectors.target_state import TargetState
from negawatt.collectors.targets import Target

_SEAL_S: Final = 60.0
_MOST_WAITING_ROWS: Final = 1_000_000  # of a table, while the disk takes none
_SEAL_DRIVER_S: Final = 300.0  # many rows, and evidence beside the readings that the log keeps


@dataclass(slots=True, kw_only=True)
class FacilitySource:
    """A source, and what of it is not sealed yet.

    Attributes:
        name: What is read, part of file names.
        kind: How it is read, part of file names.
        source: The same.
        seal_interval_s: From one sealed file to the next, which a crash may lose [s].
        waiting: Rows of raw tables, by the table's name.
        seal_ns: When they are sealed [monotonic ns].
        state: Healthy where the last read gave all, degraded where something was wrong with it,
            failing where it gave nothing.
    """

    name: str
    kind: str
    source: Source
    seal_interval_s: float = _SEAL_S
    waiting: dict[str, list[pa.Table]] = field(default_factory=dict)
    seal_ns: int = 0
    state: TargetState = TargetState.DEGRADED

    def keep(self, batch: Batch) -> None:
        """Let the rows of a batch wait until they are sealed, and judge it."""
        self.state = _state_of(batch)
        node_powers = [asdict(row) for row in batch.node_powers]
        tables = {
            **batch.tables,
            NODE_POWER: pa.Table.from_pylist(node_powers, schema=SCHEMAS[NODE_POWER]),
        }
        for name, table in tables.items():
            if table.num_rows:
                self.waiting.setdefault(name, []).append(table)

    def put_back(self, waiting: dict[str, list[pa.Table]]) -> int:
        """Let rows wait again that could not be sealed; return how many were too many, the oldest.

        Args:
            waiting: What was taken to be sealed, by the table's name.
        """
        given_up_count = 0
        for name, earlier in waiting.items():
            tables = [*earlier, *self.waiting.pop(name, [])]
            while len(tables) > 1 and sum(table.num_rows for table in tables) > _MOST_WAITING_ROWS:
                given_up_count += tables.pop(0).num_rows
            self.waiting[name] = tables
        return given_up_count

    @property
    def is_ours(self) -> bool:
        """Whether a read only takes what is there already, and asks nobody."""
        return isinstance(self.source, SlowSource)

    @property
    def is_followed(self) -> bool:
        """Whether it goes on only behind what is stored."""
        return isinstance(self.source, MeterFiles)

    async def stored(self) -> None:
        """Tell a followed source that its last rows are sealed."""
        if isinstance(self.source, MeterFiles):
            await self.source.stored()


def _state_of(batch: Batch) -> TargetState:
    read = [row.reading_quality is RowQuality.OK for row in batch.node_powers]
    if read and not any(read):
        return TargetState.FAILING
    is_whole = all(read) and not batch.findings
    return TargetState.HEALTHY if is_whole else TargetState.DEGRADED


@asynccontextmanager
async def open_sources(
    config: CollectConfig, targets: Sequence[Target], boot_id: str
) -> AsyncIterator[list[FacilitySource]]:
    """Open what a configuration names beside GPU targets; close it at the end.

    Args:
        config: What is read.
        targets: What is open already: the driver's GPUs are followed beside their readings.
        boot_id: Identity of this boot.

    Raises:
        ConfigurationError: A certificate or a secret cannot be read.
        DataRefusedError: What an earlier run left cannot be read.
    """
    async with AsyncExitStack() as stack:
        sources = []
        for controller in config.redfish:
            access = RedfishAccess(
                Access(controller.access), wants_session=controller.wants_session
            )
            session = exporter_session(
                keepalive_s=3 * config.facility_interval_s,
                request_timeout_s=config.facility_interval_s,
                connection_limit=CONNECTIONS,
            )
            redfish = RedfishSource(
                session, controller.url, node_id=controller.node_id, access=access
            )
            stack.push_async_callback(redfish.close)
            sources.append(FacilitySource(name=controller.node_id, kind="redfish", source=redfish))
        sources += [
            FacilitySource(name=files.name, kind="files", source=_meter_files(config, files))
            for files in config.meter_files
        ]
        for target in targets:
            if isinstance(target.source, NvmlSource):
                slow = SlowSource(
                    target.source, node_id=target.node_id, boot_id=boot_id, clock=SystemClock()
                )
                stack.push_async_callback(slow.close)
                sources.append(
                    FacilitySource(
                        name=target.node_id,
                        kind="nvml",
                        source=slow,
                        seal_interval_s=_SEAL_DRIVER_S,
                    )
                )
        yield sources


def _meter_files(config: CollectConfig, files: MeterFilesConfig) -> MeterFiles:
    columns = files.model_dump(exclude={"name", "files"})
    return MeterFiles(
        files.files,
        MeterProfile(**columns),
        state_path=config.spool_directory / "state" / f"files-{files.name}.json",
        subject=f"meter files {files.name!r}",
    )
