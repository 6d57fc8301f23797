"""One run of a listener on an OpenADR 2.0b VTN, by `openleadr` (extra ``openadr2``).

The VTN is polled as it asks. Each version of an event is kept and sealed before it is answered; one
that is not listed any more is withdrawn.

Not here: what events say (two_b, intake), arguments and words (negawatt.cli.listen).
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp

from negawatt.collectors.access import Access
from negawatt.collectors.heard import Heard
from negawatt.collectors.message import Message, whole_milliseconds
from negawatt.collectors.message_store import MessageStore, opened_store
from negawatt.collectors.openadr.config_two_b import TwoBConfig, TwoBVtnConfig
from negawatt.collectors.openadr.intake import GONE, Intake, topic_of
from negawatt.collectors.openadr.memory import read_memory
from negawatt.collectors.openadr.two_b import as_three, event_id
from negawatt.collectors.openadr.xml_answers import PlainAnswer
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.units import NS_PER_S

_WAIT_S: Final = 0.1
_OK: Final = 200
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=5, sock_read=10)
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
        ConfigurationError: A certificate cannot be used, or another listener of this name writes
            into the same folder.
        DataRefusedError: What an earlier run left cannot be read.
        DeviceMissingError: The VTN did not register us.
    """
    terms = config.terms()
    writer = (config.vtn.ven_name, "openadr2", "https")
    with opened_store(
        config.root, config.site_id, writer, lambda folder: Intake(terms, read_memory(folder))
    ) as store:
        ven = _Ven(config, store, clock)
        asyncio.run(ven.run(is_stopped, on_round))
    return ven.heard()


class _Ven:
    """Keeps what `openleadr` shows, and asks for the list of events as often as it polls."""

    def __init__(self, config: TwoBConfig, store: MessageStore[Intake], clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._failures: list[Exception] = []
        self._has_listed = False
        self._problem = ""

    def heard(self) -> Heard:
        """Return what was heard so far."""
        return Heard(
            counts=dict(self._store.intake.counts),
            connected_count=1,
            problem=self._problem,
            sealed=self._store.sealed,
        )

    async def run(self, is_stopped: Callable[[], bool], on_round: Callable[[Heard], None]) -> None:
        """Hear until told to stop."""
        client = await self._registered()
        wait_ns = round(client.poll_frequency.total_seconds() * NS_PER_S)
        look_ns = self._clock.monotonic_ns()
        try:
            while not is_stopped() and not self._failures:
                if self._clock.monotonic_ns() >= look_ns:
                    await self._look(client)
                    look_ns = self._clock.monotonic_ns() + wait_ns
                on_round(self.heard())
                await asyncio.sleep(_WAIT_S)
        finally:
            await client.stop()
        if self._failures:
            raise self._failures[0]

    async def _registered(self) -> Any:  # noqa: ANN401 - openleadr has no types
        client = _client(self._config.vtn)
        client.add_handler("on_event", self._take)
        client.add_handler("on_update_event", self._take)
        ask = client.request_event

        async def asked() -> tuple[str | None, Mapping[str, Any]]:
            kind, answer = await ask()
            self._has_listed |= kind == "oadrDistributeEvent" and _code(answer) == _OK
            return kind, answer

        client.request_event = asked
        try:
            await client.run()
        except Exception as error:
            await client.client_session.close()
            raise _not_registered(self._config.vtn, repr(error)) from error
        if not client.registration_id:
            raise _not_registered(self._config.vtn, "no registration")
        return client

    async def _take(self, event: Mapping[str, Any]) -> str:
        """Keep and seal an event, and return what it is answered with."""
        try:
            self._keep(message_of(event, self._config, self._clock))
        except Exception as error:  # the library would go on, and never show this event again
            self._failures.append(error)
            raise
        return self._config.vtn.answer

    async def _look(self, client: Any) -> None:  # noqa: ANN401 - openleadr has no types
        """Withdraw what holds and is not listed any more: 2.0b lets a VTN leave it out.

        Where no event is left a VTN lists none, or answers with a mere word that all is well; that
        says so only of one that listed events before; openleadr asks for the first list itself.
        """
        asked_utc = whole_milliseconds(self._clock.now_utc())
        known = self._store.intake.memory.known
        holding = [vtn_id for vtn_id, one in known.items() if one.holds_after(asked_utc)]
        kind, answer = await client.request_event()
        self._problem = "" if kind else "no answer to the request for events"
        is_list = kind == "oadrDistributeEvent"
        if _code(answer) != _OK or not (is_list or (kind == "oadrResponse" and self._has_listed)):
            return
        events = answer.get("events") or ()
        for event in events:
            await self._take(event)
        listed = {event_id(event) for event in events}
        for vtn_id in holding:
            if vtn_id not in listed and known[vtn_id].holds_after(asked_utc):
                self._keep(Message(f"{GONE}{vtn_id}", b"", asked_utc, 0))

    def _keep(self, message: Message) -> None:
        if self._store.intake.is_new(message):
            self._store.keep([message])
            self._store.seal()


def offered(vtn: TwoBVtnConfig) -> Mapping[str, Any]:
    """Return what a VTN answers to ``oadrQueryRegistration``, which registers nobody.

    It is asked with our certificates, signature and theirs. It is asked for no event: a VTN notes
    to whom it showed one.

    Raises:
        ConfigurationError: A certificate cannot be used.
        DeviceMissingError: It did not answer, or refused.
    """
    return asyncio.run(_offered(vtn))


async def _offered(vtn: TwoBVtnConfig) -> Mapping[str, Any]:
    client = _client(vtn)
    try:
        kind, answer = await client.query_registration() or (None, None)
    finally:
        await client.client_session.close()
    found: Mapping[str, Any] = answer or {}
    response = found.get("response") or {}
    if kind != "oadrCreatedPartyRegistration" or _code(found) != _OK:
        raise _not_registered(vtn, response.get("response_description") or "no answer")
    return found


def _code(answer: Mapping[str, Any]) -> object:
    return (answer.get("response") or {}).get("response_code", _OK)


def _client(vtn: TwoBVtnConfig) -> Any:  # noqa: ANN401 - openleadr has no types
    from openleadr import OpenADRClient  # noqa: PLC0415 - the extra openadr2; this module is read without

    ssl_context = Access(vtn.access).ssl_context
    client = OpenADRClient(
        ven_name=vtn.ven_name,
        vtn_url=vtn.url,
        cert=vtn.certificate_file and str(vtn.certificate_file),
        key=vtn.key_file and str(vtn.key_file),
        vtn_fingerprint=vtn.fingerprint,
        show_fingerprint=False,
    )
    client.client_session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl_context),
        headers={"content-type": "application/xml"},
        timeout=_TIMEOUT,
        response_class=PlainAnswer,
    )
    return client


def _not_registered(vtn: TwoBVtnConfig, found: str) -> DeviceMissingError:
    return DeviceMissingError(
        thing=f"VTN {vtn.url}",
        expected="a registration",
        found=found,
        remedy="correct [vtn], or ask the VTN's operator to register the VEN",
    )


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
