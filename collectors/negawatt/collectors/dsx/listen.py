"""One run of a listener: from its configuration to what it heard.

Not here: arguments and words (negawatt.cli.listen).
"""

from collections.abc import Callable

from negawatt.collectors.dsx.client import Listener
from negawatt.collectors.dsx.config import ListenConfig
from negawatt.collectors.dsx.intake import Intake
from negawatt.collectors.dsx.memory import read_memory
from negawatt.collectors.heard import Heard
from negawatt.collectors.message_store import opened_store
from negawatt.models.domain.clock import Clock


def listen(
    config: ListenConfig,
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_round: Callable[[Heard], None] = lambda _heard: None,
    *,
    is_dry_run: bool = False,
) -> Heard:
    """Hear a broker until told to stop, and seal what came.

    Args:
        config: Where the broker is, who may sign, and where the tables lie.
        clock: The machine's clock.
        is_stopped: Whether to stop; asked at least five times a second while the disk keeps up.
        on_round: Called behind each round with what was heard so far.
        is_dry_run: Hear beside the session that the broker keeps for us, and leave none behind.

    Raises:
        ConfigurationError: A key or certificate cannot be used, or another listener of this
            session writes into the same folder.
        DataRefusedError: What an earlier run left cannot be read.
        DeviceMissingError: The broker refuses us.
    """
    terms = config.terms()
    writer = (config.broker.client_id, "dsx", "mqtt")
    with opened_store(
        config.root, config.site_id, writer, lambda folder: Intake(terms, read_memory(folder))
    ) as store:
        listener = Listener(config, store, clock, keeps_session=not is_dry_run)

        def heard() -> Heard:
            return Heard(
                counts=dict(store.intake.counts),
                connected_count=listener.connected_count,
                problem=listener.problem,
                sealed=store.sealed,
                is_dry_run=is_dry_run,
            )

        listener.run(is_stopped, lambda: on_round(heard()))
    return heard()
