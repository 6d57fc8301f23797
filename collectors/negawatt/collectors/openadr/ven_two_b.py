"""One run of a listener on an OpenADR 2.0b VTN, by `openleadr` (extra ``openadr2``).

The VTN is polled as it asks. Each version of an event is kept and sealed before it is answered.

Not here: what events say (two_b, intake), arguments and words (negawatt.cli.listen).
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from negawatt.collectors.dsx.message import Message, whole_milliseconds
from negawatt.collectors.heard import Heard
from negawatt.collectors.message_store import MessageStore
from negawatt.collectors.openadr.config_two_b import TwoBConfig
from negawatt.collectors.openadr.intake import Intake, topic_of
from negawatt.collectors.openadr.memory import Memory, is_saved
from negawatt.collectors.openadr.two_b import as_three
from negawatt.collectors.spool.json_state import load_state
from negawatt.collectors.spool.lock import spool_lock
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DeviceMissingError

_WAIT_S: Final = 0.1
_PASSING: Final = {"event_status", "current_value"}


def listen(
    config: TwoBConfig,
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_round: Callable[[Heard], None] = lambda _heard: None,
) -> Heard:
    """Hear a 2.0b VTN until told to stop, and seal what is new.

    Args:
        config: Where the VTN is, whose events are ours, and where the tables lie.
        clock: The machine's clock.
        is_stopped: Whether to stop; asked ten times a second.
        on_round: Called as often with what was heard so far.

    Raises:
        ConfigurationError: Another listener of this name writes into the same folder.
        DataRefusedError: What an earlier run left cannot be read.
        DeviceMissingError: The VTN did not register us.
    """
    folder = config.root / "state" / f"openadr2-{config.vtn.ven_name}"
    with spool_lock(folder):
        memory = Memory.of_json(load_state(folder / "memory.json", is_saved))
        writer = (config.vtn.ven_name, "openadr2", "https")
        intake = Intake(config.terms(), memory)
        store = MessageStore(config.root, folder, config.site_id, writer, intake)

        def heard() -> Heard:
            return Heard(
                counts=dict(intake.counts),
                connected_count=1,
                problem="",
                file_count=store.file_count,
            )

        try:
            asyncio.run(_run(config, store, clock, is_stopped, lambda: on_round(heard())))
        finally:
            store.close()
        return heard()


async def _run(
    config: TwoBConfig,
    store: MessageStore[Intake],
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_round: Callable[[], None],
) -> None:
    from openleadr import OpenADRClient  # noqa: PLC0415 - the extra openadr2; this module is read without

    vtn = config.vtn
    client = OpenADRClient(
        ven_name=vtn.ven_name,
        vtn_url=vtn.url,
        cert=vtn.certificate_file and str(vtn.certificate_file),
        key=vtn.key_file and str(vtn.key_file),
        ca_file=vtn.ca_file and str(vtn.ca_file),
        vtn_fingerprint=vtn.fingerprint,
        show_fingerprint=False,
    )

    failures: list[Exception] = []

    async def take(event: Mapping[str, Any]) -> str:
        try:
            message = message_of(event, config, clock)
            if store.intake.is_new(message):
                store.keep([message])
                store.seal()
        except Exception as error:  # the library would go on, and never show this event again
            failures.append(error)
            raise
        return vtn.answer

    client.add_handler("on_event", take)
    client.add_handler("on_update_event", take)
    try:
        await client.run()
    except Exception as error:
        raise _not_registered(config, repr(error)) from error
    if not client.registration_id:
        raise _not_registered(config, "no registration")
    try:
        while not is_stopped() and not failures:
            on_round()
            await asyncio.sleep(_WAIT_S)
    finally:
        await client.stop()
    if failures:
        raise failures[0]


def message_of(event: Mapping[str, Any], config: TwoBConfig, clock: Clock) -> Message:
    """Return an event in the form of 3.1, with all that 2.0b said but what passes by itself."""
    told: dict[str, Any] = {"oadr2b": _lasting(event)}
    try:
        told |= as_three(event, config.program_of())
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        told["id"] = ""  # refused as not understood, and kept
    payload = json.dumps(told, default=str).encode()
    received_utc = whole_milliseconds(clock.now_utc())
    return Message(topic_of(told["id"]), payload, received_utc, len(payload))


def _lasting(part: object) -> object:
    """Return a part of an event without what passes by itself."""
    if isinstance(part, Mapping):
        return {name: _lasting(one) for name, one in part.items() if name not in _PASSING}
    return [_lasting(one) for one in part] if isinstance(part, list | tuple) else part


def _not_registered(config: TwoBConfig, found: str) -> DeviceMissingError:
    return DeviceMissingError(
        thing=f"VTN {config.vtn.url}",
        expected="a registration",
        found=found,
        remedy="correct [vtn], or ask the VTN's operator to register the VEN",
    )
