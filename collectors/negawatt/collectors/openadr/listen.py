"""One run of a listener on a VTN: it asks for events, keeps what is new, and seals it at once.

Not here: HTTP (vtn, webhook), what events say (intake), arguments and words (negawatt.cli.listen).
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from negawatt.collectors.heard import Heard
from negawatt.collectors.message import Message, whole_milliseconds
from negawatt.collectors.message_store import MessageStore, opened_store
from negawatt.collectors.openadr.config import OpenAdrConfig
from negawatt.collectors.openadr.intake import EVENT, GONE, Intake, topic_of
from negawatt.collectors.openadr.memory import read_memory
from negawatt.collectors.openadr.vtn import Vtn, VtnError
from negawatt.collectors.openadr.webhook import webhook, webhook_token
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.units import NS_PER_S

_WAIT_S: Final = 0.1
_FIRST_PAUSE_S: Final = 1.0


def listen(
    config: OpenAdrConfig,
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_round: Callable[[Heard], None] = lambda _heard: None,
    *,
    is_dry_run: bool = False,
) -> Heard:
    """Hear a VTN until told to stop, and seal what is new.

    Args:
        config: Where the VTN is, whose events are ours, and where the tables lie.
        clock: The machine's clock.
        is_stopped: Whether to stop; asked ten times a second while no answer is waited for.
        on_round: Called behind each round with what was heard so far.
        is_dry_run: Ask only, and subscribe to nothing.

    Raises:
        ConfigurationError: A secret or certificate cannot be used, a port is taken, or another
            listener of this name writes into the same folder.
        DataRefusedError: What an earlier run left cannot be read.
        DeviceMissingError: The VTN refuses us, or never answered.
    """
    if is_dry_run:
        config = config.model_copy(update={"webhook": None})
    terms = config.terms()
    writer = (config.vtn.client_name, "openadr", "https")
    with opened_store(
        config.root, config.site_id, writer, lambda folder: Intake(terms, read_memory(folder))
    ) as store:
        listener = _Listener(config, store, clock, is_dry_run=is_dry_run)
        asyncio.run(listener.run(is_stopped, on_round))
    return listener.heard()


class _Listener:
    """Asks when it is time or when it is woken."""

    def __init__(
        self,
        config: OpenAdrConfig,
        store: MessageStore[Intake],
        clock: Clock,
        *,
        is_dry_run: bool,
    ) -> None:
        self._config = config
        self._is_dry_run = is_dry_run
        self._store = store
        self._clock = clock
        self._vtn = Vtn(config.vtn, clock)
        self._connected_count = 0
        self._problem = "not asked yet"
        self._is_refused = False
        self._note = ""
        self._token = ""
        self._subscription: str | None = None
        self._listed: set[str] = set()

    def heard(self) -> Heard:
        """Return what was heard so far."""
        return Heard(
            counts=dict(self._store.intake.counts),
            connected_count=self._connected_count,
            problem=self._problem,
            note=self._note,
            sealed=self._store.sealed,
            is_dry_run=self._is_dry_run,
        )

    async def run(self, is_stopped: Callable[[], bool], on_round: Callable[[Heard], None]) -> None:
        """Hear until told to stop."""
        woken = asyncio.Event()
        async with AsyncExitStack() as stack:
            hook = self._config.webhook
            if hook is not None:
                self._token = webhook_token(hook.token_file)  # once: what we take is what we tell
                await stack.enter_async_context(webhook(hook, self._token, woken))
            await stack.enter_async_context(self._vtn)
            pause_s, next_ns = _FIRST_PAUSE_S, 0
            while not is_stopped():
                if woken.is_set() or self._clock.monotonic_ns() >= next_ns:
                    woken.clear()
                    await self._round()
                    longest_s = self._config.vtn.poll_interval_s
                    pause_s = min(2 * pause_s, longest_s) if self._problem else _FIRST_PAUSE_S
                    wait_s = min(pause_s, longest_s) if self._problem else longest_s
                    next_ns = self._clock.monotonic_ns() + round(wait_s * NS_PER_S)
                    on_round(self.heard())
                    if self._is_refused and not self._connected_count:
                        break
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), _WAIT_S)
            await self._unsubscribe()
        if not self._connected_count:
            raise self._refusal()

    async def _round(self) -> None:
        try:
            new = [*self._new(await self._vtn.events()), *await self._missing()]
            if self._problem:
                self._connected_count += 1
            self._problem = ""
        except VtnError as error:
            self._problem, self._is_refused = str(error), error.is_refusal
            return
        if new:
            self._store.keep(new)
            self._store.seal()
        await self._subscribe()

    def _new(self, texts: Sequence[str]) -> Iterator[Message]:
        """Yield what is new, in the order in which it changed, each text once."""
        self._listed = {_part(text, "id") for text in texts}
        for text in sorted(
            dict.fromkeys(texts), key=lambda one: _part(one, "modificationDateTime")
        ):
            message = self._message(event_topic(text), text.encode())
            if self._store.intake.is_new(message):
                yield message

    async def _missing(self) -> list[Message]:
        """Ask for each event that holds and was not listed: pages shift between two requests."""
        found = []
        known = self._store.intake.memory.known
        now_utc = self._clock.now_utc()
        for vtn_id in [key for key, one in known.items() if one.holds_after(now_utc)]:
            if vtn_id in self._listed:
                continue
            text = await self._vtn.event(vtn_id)
            topic = GONE if text is None else EVENT
            message = self._message(f"{topic}{vtn_id}", (text or "").encode())
            if self._store.intake.is_new(message):
                found.append(message)
        return found

    def _message(self, topic: str, payload: bytes) -> Message:
        size = len(payload)
        if size > self._config.max_message_bytes:
            payload = payload[: self._config.max_message_bytes]
        return Message(topic, payload, whole_milliseconds(self._clock.now_utc()), size)

    async def _subscribe(self) -> None:
        """See to it that the VTN tells us of changes; it is polled all the same."""
        hook = self._config.webhook
        if hook is None:
            return
        try:
            known = self._subscription
            self._subscription = await self._vtn.subscribe(hook.callback_url, self._token, known)
            self._note = ""
        except VtnError as error:
            self._note = f"no subscription: {error}"

    async def _unsubscribe(self) -> None:
        if self._subscription is not None:
            with suppress(VtnError):  # it ends with a listener that does not answer
                await self._vtn.unsubscribe(self._subscription)

    def _refusal(self) -> DeviceMissingError:
        return DeviceMissingError(
            thing=f"VTN {self._config.vtn.url}",
            expected="its events",
            found=self._problem,
            remedy="correct [vtn], [vtn.oauth] or [vtn.access], or ask the VTN's operator",
        )


def event_topic(text: str) -> str:
    """Return the topic of an event as the VTN gave it, by its id.

    Examples:
        >>> event_topic('{"id": "event-999"}')
        'openadr/event/event-999'
    """
    return topic_of(_part(text, "id"))


def _part(text: str, name: str) -> str:
    """Return a text member of an object; empty where there is none, or none that UTF-8 can say."""
    try:
        found: Any = json.loads(text)
        value = found.get(name) if isinstance(found, dict) else None
        return value.encode().decode() if isinstance(value, str) else ""
    except (ValueError, RecursionError):  # of which UnicodeEncodeError is one
        return ""
