"""Events of OpenADR 2.0b as events of 3.1, so that one translation reads both.

Source: OpenADR 2.0b profile, EiEvent service, as `openleadr` gives its events. A signal that has no
payload type in 3.1, and every signal of a test event, gets a type that nobody understands.

Not here: the 2.0b protocol (ven_two_b), what an event asks for (translate).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from negawatt.models.domain.units import KW_PER_MW, W_PER_KW

_TYPES: Final = {
    ("SIMPLE", "level"): "SIMPLE",
    ("LOAD_DISPATCH", "setpoint"): "DISPATCH_SETPOINT",
    ("LOAD_DISPATCH", "delta"): "DISPATCH_SETPOINT_RELATIVE",
    ("ELECTRICITY_PRICE", "price"): "PRICE",
}
_KW_PER_SCALED_W: Final = {
    "none": 1 / Decimal(W_PER_KW),
    "k": Decimal(1),
    "M": Decimal(KW_PER_MW),
}


def as_three(event: Mapping[str, Any], program_of: Mapping[str, str]) -> dict[str, Any]:
    """Return an event of 2.0b in the form of 3.1.

    A cancelled event has no intervals. The first interval starts with the event, and each that
    names no start follows the one before. 2.0b orders versions by ``modificationNumber``, so that
    many milliseconds are added to the time of the change. A duration of 0 has no end.

    Args:
        event: The event as ``openleadr`` gives it.
        program_of: Our names of programs, by market context.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError, AttributeError: It lacks a part.

    Examples:
        >>> from datetime import UTC, datetime
        >>> at_utc = datetime(2026, 7, 1, 20, tzinfo=UTC)
        >>> told = as_three({
        ...     "event_descriptor": {"event_id": "e1", "modification_number": 2,
        ...         "market_context": "http://dr", "event_status": "far", "test_event": False,
        ...         "created_date_time": at_utc, "modification_date_time": at_utc},
        ...     "active_period": {"dtstart": at_utc, "duration": timedelta(hours=1)},
        ...     "event_signals": [{"signal_name": "LOAD_DISPATCH", "signal_type": "setpoint",
        ...         "measurement": {"name": "powerReal", "scale": "M"}, "intervals": [
        ...             {"dtstart": at_utc, "duration": timedelta(hours=1), "uid": 0,
        ...              "signal_payload": 0.75}]}]}, {"http://dr": "summer"})
        >>> told["modificationDateTime"], told["intervals"][0]["payloads"]
        ('2026-07-01T20:00:00.002000+00:00', [{'type': 'DISPATCH_SETPOINT', 'values': [750.0]}])
    """
    about = event["event_descriptor"]
    number = int(about["modification_number"])
    created = about["created_date_time"]
    changed = about.get("modification_date_time") or created
    is_cancelled = about["event_status"] == "cancelled"
    signals = [] if is_cancelled else _signals(event)
    start_utc = event["active_period"]["dtstart"]
    is_test = str(about.get("test_event") or "false").lower() != "false"
    told = {
        "id": event_id(event),
        "objectType": "EVENT",
        "programID": program_of.get(about["market_context"], "unknown"),
        "createdDateTime": created.isoformat(),
        "modificationDateTime": (changed + timedelta(milliseconds=number)).isoformat(),
        "payloadDescriptors": list(_descriptors(signals)),
        "intervals": list(_intervals(signals, start_utc, is_test=is_test)),
        "targets": list(_targets(event)),
    }
    if event["active_period"].get("tolerance"):
        told["intervalPeriod"] = {"randomizeStart": "PT1S"}  # of whatever length: it is not known
    return told


def event_id(event: Mapping[str, Any]) -> str:
    """Return the VTN's id of an event, empty where it has none; `openleadr` makes digits a number.

    Examples:
        >>> event_id({"event_descriptor": {"event_id": 7}})
        '7'
    """
    found = event["event_descriptor"]["event_id"]
    is_id = isinstance(found, str | int) and not isinstance(found, bool)
    return str(found) if is_id else ""


def _targets(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the resources and groups that an event is for; none where it is for the whole VEN."""
    for target in event.get("targets") or ():
        for name in ("resource_id", "group_id"):
            if target.get(name) is not None:
                yield str(target[name])


def _signals(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the signals: `openleadr` gives those of an event with a baseline one level deeper."""
    found = event["event_signals"]
    return list(found["event_signals"] if isinstance(found, Mapping) else found)


def _descriptors(signals: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for signal in signals:
        kind, measured = _kind(signal), _measured(signal)
        told = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind}
        if kind == "PRICE" and measured.get("name") == "currencyPerKWh":
            yield told | {"units": "KWH", "currency": measured["unit"]}
        elif kind.startswith("DISPATCH") and measured.get("name") == "powerReal":
            yield told | {"units": "KW"}
        else:
            yield told


def _intervals(
    signals: list[Mapping[str, Any]], start_utc: datetime, *, is_test: bool
) -> Iterator[dict[str, Any]]:
    """Yield intervals; those of several signals that have one ``uid`` are one."""
    found: dict[int, dict[str, Any]] = {}
    for signal in signals:
        kind = f"TEST_{_kind(signal)}" if is_test else _kind(signal)
        next_utc: datetime | None = start_utc
        for interval in signal["intervals"]:
            number = int(interval["uid"])
            at_utc = interval.get("dtstart") or next_utc
            if at_utc is None:
                raise ValueError(f"an interval {number} behind one that has no end")
            length = interval["duration"]
            period = {"start": at_utc.isoformat(), "duration": _duration(length)}
            next_utc = at_utc + length if length else None
            made = found.setdefault(
                number, {"id": number, "intervalPeriod": period, "payloads": []}
            )
            if made["intervalPeriod"] != period:
                raise ValueError(f"signals whose intervals {number} are the same")
            made["payloads"].append({"type": kind, "values": [_value(signal, interval)]})
    yield from found.values()


def _kind(signal: Mapping[str, Any]) -> str:
    named = (signal["signal_name"].upper(), signal["signal_type"])
    return _TYPES.get(named, "X_" + "_".join(named))


def _value(signal: Mapping[str, Any], interval: Mapping[str, Any]) -> float:
    value = Decimal(str(interval["signal_payload"]))
    if _kind(signal).startswith("DISPATCH"):
        value *= _KW_PER_SCALED_W[_measured(signal).get("scale") or "none"]
    return float(value)


def _measured(signal: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is measured: `openleadr` gives it in one of two forms, or there is none."""
    if signal.get("measurement"):
        return dict(signal["measurement"])
    for name, one in signal.items():
        if isinstance(one, Mapping) and "item_units" in one:
            return {"name": name, "unit": one["item_units"], "scale": one.get("si_scale_code")}
    return {}


def _duration(length: timedelta) -> str:
    return f"PT{length.total_seconds():.3f}S" if length else "P9999Y"
