"""From a configuration to the sources that are read beside the GPUs.

Not here: reading them in turn (facility), and GPU targets (targets).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from negawatt.collectors.access import Access
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import MeterFilesConfig
from negawatt.collectors.sources.fetch import exporter_session
from negawatt.collectors.sources.meter_file import MeterFiles
from negawatt.collectors.sources.meter_profile import MeterProfile
from negawatt.collectors.sources.protocol import NodePower, Source
from negawatt.collectors.sources.redfish import CONNECTIONS, RedfishSource
from negawatt.collectors.sources.redfish_session import RedfishAccess


@dataclass(slots=True, kw_only=True)
class FacilitySource:
    """A source, and what of it is not sealed yet.

    Attributes:
        name: What is read, part of file names.
        source: How it is read.
        waiting: Readings of node meters.
        seal_ns: When they are sealed [monotonic ns].
    """

    name: str
    source: Source
    waiting: tuple[NodePower, ...] = ()
    seal_ns: int = 0

    @property
    def is_followed(self) -> bool:
        """Whether it goes on only behind what is stored."""
        return isinstance(self.source, MeterFiles)

    async def stored(self) -> None:
        """Tell a followed source that its last rows are sealed."""
        if isinstance(self.source, MeterFiles):
            await self.source.stored()


@asynccontextmanager
async def open_sources(config: CollectConfig) -> AsyncIterator[list[FacilitySource]]:
    """Open the controllers and meter files of a configuration; close them at the end.

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
            sources.append(FacilitySource(name=controller.node_id, source=redfish))
        sources += [
            FacilitySource(name=files.name, source=_meter_files(config, files))
            for files in config.meter_files
        ]
        yield sources


def _meter_files(config: CollectConfig, files: MeterFilesConfig) -> MeterFiles:
    columns = files.model_dump(exclude={"name", "files"})
    return MeterFiles(
        files.files,
        MeterProfile(**columns),
        state_path=config.spool_directory / "state" / f"files-{files.name}.json",
        subject=f"meter files {files.name!r}",
    )
