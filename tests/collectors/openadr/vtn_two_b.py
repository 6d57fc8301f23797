"""A VTN of OpenADR 2.0b by `openleadr`, as a program of its own: its pins are not the lock's.

It takes the port as its argument, offers two events, prints registrations and answers, cancels
the first behind the first line of its input, and leaves out the second behind the next. A second
argument has it leave both out once both are answered (`brief`), or show one to polls only, and
answer the request for all with a mere word (`polled`). Run with the folder of
`requirements-openadr2.lock` on PYTHONPATH.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from openleadr import OpenADRServer
from openleadr.objects import (
    ActivePeriod,
    Event,
    EventDescriptor,
    EventSignal,
    Interval,
    Measurement,
    PowerAttributes,
    Target,
)

START_UTC = datetime(2126, 7, 1, 21, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)


def event(vtn_id: str) -> Event:
    def signal(name: str, kind: str, value: float, **more: object) -> EventSignal:
        interval = Interval(dtstart=START_UTC, duration=AN_HOUR, signal_payload=value)
        return EventSignal(
            signal_id=name, signal_name=name, signal_type=kind, intervals=[interval], **more
        )

    kilowatt = Measurement(
        name="powerReal",
        description="RealPower",
        unit="W",
        scale="k",
        power_attributes=PowerAttributes(hertz=60, voltage=230, ac=True),
    )
    return Event(
        event_descriptor=EventDescriptor(
            event_id=vtn_id,
            modification_number=0,
            market_context="http://utility.example/summer",
            event_status="far",
        ),
        active_period=ActivePeriod(dtstart=START_UTC, duration=AN_HOUR),
        event_signals=[
            signal("SIMPLE", "level", 1),
            signal("LOAD_DISPATCH", "setpoint", 750.25, measurement=kilowatt),
        ],
        targets=[Target(ven_id="ven-id-1")],
        response_required="always",
    )


async def main(port: int, how: str) -> None:
    server = OpenADRServer(vtn_id="VTN1", http_port=port, requested_poll_freq=timedelta(seconds=1))

    async def register(_info: object) -> tuple[str, str]:
        sys.stdout.write("registered\n")
        sys.stdout.flush()
        return "ven-id-1", "registration-1"

    async def answered(ven_id: str, event_id: str, opt_type: str) -> None:  # noqa: ARG001 - its names
        sys.stdout.write(f"answer {event_id} {opt_type}\n")
        sys.stdout.flush()
        if how == "brief" and event_id == "ev-2":
            del server.events["ven-id-1"][:]

    server.add_handler("on_create_party_registration", register)
    if how == "polled":
        server.add_handler("on_poll", lambda ven_id: event("ev-1"))  # noqa: ARG005 - its name
        server.add_handler("on_created_event", answered)
    for vtn_id in ("ev-1", "ev-2"):
        server.add_raw_event("ven-id-1", event(vtn_id), callback=answered)
    running = asyncio.create_task(server.run())
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    server.cancel_event("ven-id-1", "ev-1")
    await loop.run_in_executor(None, sys.stdin.readline)
    del server.events["ven-id-1"][:]  # left out, and not a word of it
    await loop.run_in_executor(None, sys.stdin.readline)
    await server.stop()
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), "".join(sys.argv[2:])))
