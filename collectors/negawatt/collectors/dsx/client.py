"""The MQTT client: hears messages, and acknowledges them only behind a durable write.

One thread: read what is there, keep it, acknowledge it. MQTT 3.1.1 with a session that the
broker keeps, at QoS 1: a message that was not acknowledged comes again, and what comes again is
known by its content. QoS 2 is not asked for: its receiver answers for a message before it could
write it down.

Not here: what messages say (intake), and where they are kept
(negawatt.collectors.message_store).
"""

import select
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from negawatt.collectors.access import Access
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.dsx.config import ListenConfig
from negawatt.collectors.dsx.intake import Intake
from negawatt.collectors.message import Message, whole_milliseconds
from negawatt.collectors.message_store import MessageStore
from negawatt.collectors.oauth import Tokens
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.units import NS_PER_S

_BATCH: Final = 2_000  # messages that are acknowledged together at most
_MOST_ROWS: Final = 200_000  # that wait to be sealed
_WAIT_S: Final = 0.2  # how long silence is listened to
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_KEPT_OF_OVERSIZED: Final = 4_096
_TOKEN_USER: Final = "oauthtoken"  # DSX Flex 1.7.0, securitySchemes.oauth2Ssa  # noqa: S105 - no secret
_QOS: Final = 1
_PUBACK: Final = b"\x40\x02"  # MQTT 3.1.1, section 3.4; the number of the message follows


class Listener:
    """Hears one broker until it is told to stop.

    Args:
        config: Where the broker is, and what is asked of it.
        store: Keeps what comes.
        clock: The machine's clock.
        keeps_session: The broker keeps what comes while we are away; otherwise it knows us by no
            name, and forgets us.

    Attributes:
        connected_count: How often a connection was made and its topics were subscribed to.
        problem: Why there is none; empty while there is one.
    """

    def __init__(
        self,
        config: ListenConfig,
        store: MessageStore[Intake],
        clock: Clock,
        *,
        keeps_session: bool = True,
    ) -> None:
        self._config = config
        self._keeps_session = keeps_session
        self._store = store
        self._clock = clock
        self._batch: list[MQTTMessage] = []
        self._acks = bytearray()
        self.problem = ""
        self._is_refused = False
        self._access = Access(config.broker.access)
        oauth = config.broker.oauth
        self._tokens = Tokens(oauth, clock) if oauth else None
        self._token_access = Access(AccessConfig(ca_file=oauth.ca_file)) if oauth else Access()
        self._client = self._new_client()
        self._seal_ns = self._connect_ns = clock.monotonic_ns()
        self._pause_s = _FIRST_PAUSE_S
        self.connected_count = 0

    def run(self, is_stopped: Callable[[], bool], on_round: Callable[[], None]) -> None:
        """Hear, keep and acknowledge, through every loss of the connection.

        Args:
            is_stopped: Whether to stop; asked at least five times a second.
            on_round: Called behind each round, for whoever watches.

        Raises:
            DeviceMissingError: There never was a connection. Once there was, a refusal passes: a
                token is renewed.
            OSError: The disk does not take what comes; nothing of it was acknowledged.
        """
        while not is_stopped():
            if self._client.socket() is not None:
                self._hear()
            else:
                self._come_back()
            if self._is_refused and not self.connected_count:
                raise self._refusal()
            self._seal_when_due()
            on_round()
        self._client.disconnect()
        if not self.connected_count:
            raise self._refusal()

    def _new_client(self) -> Client:
        broker = self._config.broker
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id if self._keeps_session else "",
            clean_session=not self._keeps_session,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if broker.is_encrypted:
            context = self._access.ssl_context
            client.tls_set_context(
                context if isinstance(context, ssl.SSLContext) else ssl.create_default_context()
            )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _come_back(self) -> None:
        """Connect once the pause is over; each attempt doubles the next one."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._connect_ns:
            select.select([], [], [], min((self._connect_ns - now_ns) / NS_PER_S, _WAIT_S))
            return
        self._acks.clear()  # of the last connection: what is not acknowledged comes again
        self._connect_ns = now_ns + round(self._pause_s * NS_PER_S)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        broker = self._config.broker
        try:
            if self._tokens is not None:
                self._client.username_pw_set(_TOKEN_USER, self._tokens.ask(self._token_access))
            elif broker.access.has_secret:
                user = _TOKEN_USER if broker.access.bearer_token_file else broker.access.user
                self._client.username_pw_set(user, self._access.secret())
            host, port = broker.host_and_port
            self._client.connect(host, port, keepalive=broker.keepalive_s)
        except (OSError, UnicodeDecodeError) as error:  # no connection, or no secret to read
            self.problem = str(error)
            self._is_refused = isinstance(error, ssl.SSLCertVerificationError | PermissionError)

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.problem = str(reason)
            self._is_refused = self.problem != "Server unavailable"  # which passes
            if self._tokens is not None:
                self._tokens.forget()
            return
        self.problem = ""
        self._pause_s = _FIRST_PAUSE_S
        client.subscribe([(topic, _QOS) for topic in self._config.topics])

    def _on_subscribe(self, *_: object) -> None:
        self.connected_count += 1

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._batch.append(message)

    def _hear(self) -> None:
        """Read what is there, make it safe, and only then say so."""
        client = self._client
        if client.want_write():
            client.loop_write()
        if _readable(client.socket(), _WAIT_S):
            while len(self._batch) < _BATCH and _readable(client.socket(), 0.0):
                if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
        batch, self._batch = self._batch, []
        if batch:
            received_utc = whole_milliseconds(self._clock.now_utc())
            self._store.keep([self._message(one, received_utc) for one in batch])
            self._acks += b"".join(_PUBACK + one.mid.to_bytes(2) for one in batch if one.qos)
        self._acknowledge()
        client.loop_misc()

    def _acknowledge(self) -> None:
        """Send acknowledgments past the library, all at once.

        Where one of its own writes fails the library closes the socket, with what was sent to us
        and not read yet; a broker that ended has forgotten it.
        """
        sock = self._client.socket()
        if sock is None or not self._acks or self._client.want_write():
            return
        try:
            del self._acks[: sock.send(self._acks)]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError:  # the end of the connection is found by reading
            self._acks.clear()

    def _message(self, message: MQTTMessage, received_utc: datetime) -> Message:
        payload = bytes(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if len(payload) > self._config.max_message_bytes:
            payload = payload[:_KEPT_OF_OVERSIZED]
        return Message(topic, payload, received_utc, len(message.payload))

    def _seal_when_due(self) -> None:
        now_ns = self._clock.monotonic_ns()
        is_full = self._store.waiting_count >= _MOST_ROWS
        if self._store.has_event or is_full or now_ns >= self._seal_ns:
            self._store.seal()
            self._seal_ns = now_ns + round(self._config.seal_interval_s * NS_PER_S)

    def _refusal(self) -> DeviceMissingError:
        return DeviceMissingError(
            thing=f"broker {self._config.broker.url}",
            expected="a connection",
            found=self.problem,
            remedy="correct [broker] and [broker.access], or the broker's own settings",
        )


def _readable(sock: Any, wait_s: float) -> bool:  # noqa: ANN401 - a socket, or TLS around one
    if sock is None or sock.fileno() < 0:
        return False
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    return bool(select.select([sock], [], [], wait_s)[0])
