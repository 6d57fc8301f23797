"""Messages as DSX Flex 1.7 has them, made by hand and signed with keys of one test."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from negawatt.collectors.dsx.intake import Intake, Terms
from negawatt.collectors.dsx.memory import read_memory
from negawatt.collectors.dsx.signatures import Signer
from negawatt.collectors.message import Message
from negawatt.collectors.message_store import MessageStore

NOW_UTC = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
ISV = "//grid/v1/isv/acme-energy"
AGENT = "//grid/v1/dsx-flex-agent/maxlps"
INFRA = "//grid/v1/infra/ima-prod"
CORRELATION = str(UUID(int=7, version=4))

_TOPIC_OF = {
    "grid.loadtarget.set.v1": "loadtarget/set",
    "grid.powerstate.status.v1": "powerstate/status",
    "grid.powerbreach.alert.v1": "powerbreach",
    "grid.powerbreach.enforcement.v1": "powerbreach/enforcement",
}


class Sender:
    """Signs for one source.

    Args:
        source: Whom it is.
        key_id: The name of its key.
        key: Its private key; a new one for ES256 by default.

    Attributes:
        private_pem: That key.
    """

    def __init__(
        self,
        source: str,
        key_id: str,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    ) -> None:
        self.source = source
        self.key_id = key_id
        self._private = key or ec.generate_private_key(ec.SECP256R1())
        self.private_pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.key = (RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey).import_key(
            self.private_pem
        )

    @property
    def public_pem(self) -> bytes:
        """Its public key."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def signer(self) -> Signer:
        """What a listener is told of it."""
        kind = RSAKey if isinstance(self.key, RSAKey) else ECKey
        return Signer(source=self.source, key=kind.import_key(self.public_pem))

    def write_key(self, folder: Path) -> Path:
        """Write its public key into a folder."""
        path = folder / f"{self.key_id}.pub.pem"
        path.write_bytes(self.public_pem)
        return path

    def sign(self, content: Mapping[str, Any], **header: object) -> str:
        """Return content as JWS."""
        return self.sign_text(json.dumps(content), **header)

    def sign_text(self, text: str, **header: object) -> str:
        """Return any text as JWS."""
        algorithm = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        protected = {"alg": algorithm, "kid": self.key_id} | header
        return jws.serialize_compact(
            protected,
            text.encode("utf-8", "replace"),
            self.key,
            registry=jws.JWSRegistry(strict_check_header=False),
        )

    def envelope(
        self, event_type: str, data: str, *, number: int = 1, **more: object
    ) -> dict[str, Any]:
        """Return a CloudEvent around signed content."""
        return {
            "specversion": "1.0.2",
            "id": str(UUID(int=number, version=4)),
            "source": self.source,
            "type": event_type,
            "time": NOW_UTC.isoformat(),
            "datacontenttype": "application/json",
            "subject": event_type.split(".")[1],
            "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
            "data": data,
        } | more

    def message(
        self, event_type: str, content: Mapping[str, Any], *, number: int = 1, **more: object
    ) -> Message:
        """Return a signed message that comes when it was made."""
        return self.wrapped(self.envelope(event_type, self.sign(content), number=number, **more))

    def wrapped(self, envelope: Mapping[str, Any], received_utc: datetime = NOW_UTC) -> Message:
        """Return an envelope as it comes over MQTT."""
        topic = f"{self.source.removeprefix('//')}/{_TOPIC_OF[envelope['type']]}"
        payload = json.dumps(envelope).encode()
        return Message(topic, payload, received_utc, len(payload))


def target(
    value: float | None,
    *,
    start_utc: datetime | None = NOW_UTC + timedelta(hours=1),
    end_utc: datetime | None = NOW_UTC + timedelta(hours=4),
    feed_tags: tuple[str, ...] = ("main-a",),
    unit: str = "kilowatt",
) -> dict[str, Any]:
    interval = {"start_time": start_utc, "end_time": end_utc}
    return {
        "interval": {key: at.isoformat() for key, at in interval.items() if at is not None},
        "feed_tags": list(feed_tags),
        "load_constraint": None if value is None else {"value": value, "unit": unit},
    }


def load_target(*targets: dict[str, Any]) -> dict[str, Any]:
    return {"targets": list(targets or (target(750.0),))}


def power_state(
    *, compliant: bool = True, load_kw: float = 740.0, at_utc: datetime = NOW_UTC
) -> dict[str, Any]:
    power = {"value": 1_000, "unit": "kilowatt"}
    return {
        "snapshot_time": at_utc.isoformat(),
        "feeds": {
            "main-a": {
                "metadata": {
                    "power_minimum": power,
                    "power_maximum": power,
                    "default_constraint": power,
                },
                "targets": [
                    {
                        "active": True,
                        "load_constraint": {"value": 0.75, "unit": "megawatt"},
                        "interval": {},
                        "strategy": {},
                        "correlation_id": CORRELATION,
                    }
                ],
                "calculated_load": {"value": load_kw, "unit": "kilowatt"},
                "in_flight": False,
                "event": "periodic",
                "compliant": compliant,
            }
        },
    }


def terms(*senders: Sender, **more: object) -> Terms:
    values: dict[str, Any] = {
        "site_id": "hall-1",
        "feed_tag": "main-a",
        "program_id": "pjm_economic_3day",
        "event_kind": "economic",
        "signers": {sender.key_id: sender.signer for sender in senders},
        "max_age": timedelta(days=1),
        "max_message_bytes": 65_536,
    }
    return Terms(**values | more)


def opened(root: Path, terms: Terms) -> MessageStore[Intake]:
    """Return the store of a listener, with its log and memory in ``root/state``."""
    folder, writer = root / "state", ("listener", "dsx", "mqtt")
    return MessageStore(root, folder, terms.site_id, writer, Intake(terms, read_memory(folder)))
