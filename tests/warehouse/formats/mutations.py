"""Damaged files of each format, and what must hold of every row that a reader takes from one.

The literal of each value is looked up in the damaged file a second time, by other means than the
reader's: the standard library's XML, plain splitting of lines. A reader may refuse a file with
DataRefusedError; anything else that it raises is a crash.
"""

import json
import random
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.formats.accounting import NAMES
from negawatt.warehouse.formats.espi import read_espi
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.formats.nem12_export import write_nem12
from negawatt.warehouse.formats.parsed import Parsed
from negawatt.warehouse.formats.sacct import read_sacct
from tests.warehouse.formats.conftest import CHANNEL, HEAD, day
from tests.warehouse.formats.espi_feeds import (
    ESPI,
    TYPE,
    block,
    entry,
    feed,
    kind,
    quality,
    reading,
)

NEM12 = "\n".join(
    [
        HEAD,
        f"{CHANNEL}20240503",
        day([f"{n / 8}" for n in range(48)], "V,,,20240202120025,"),
        "400,1,20,F14,76,",
        "400,21,47,A,,",
        "400,48,48,N,,",
        "500,N,,20240201121500,1000.125",
        day([f"{n}.5" for n in range(48)], "S52,30,,,20240203010000", date="20240202"),
        CHANNEL.replace(",E1,1,E1,", ",B1,2,B1,").replace("kWh", "Wh"),
        day([f"{n}" for n in range(48)]),
        "500,O,RSA123,20240202000000,001123.5",
        "900",
        "",
    ]
).encode()
GREEN_BUTTON = feed(
    entry(kind(TYPE.replace("Multiplier>0<", "Multiplier>-3<"))),
    entry(
        block(
            *(reading(n, f"<value>{n * 1_000_003}</value>", quality(17)) for n in range(8)),
            reading(8, "<value>12</value>", quality(8)),
            reading(9, ""),
        )
    ),
)
MEAN_POWER = (
    GREEN_BUTTON.replace(b"<uom>72<", b"<uom>38<")
    .replace(b"<flowDirection>1<", b"<dataQualifier>2</dataQualifier><flowDirection>1<")
    .replace(b"<kind>12<", b"<kind>37<")
)
SACCT = (
    b"JobID|JobIDRaw|JobName|State|Priority|Submit|Start|End|AllocTRES|NodeList\n"
    b"17|17|train|COMPLETED|4294901757|2026-07-01T08:00:00|2026-07-01T08:10:00|"
    b"2026-07-01T20:00:00|cpu=64,gres/gpu=16,gres/gpu:h100=16,node=2|gpu[01-02,07]\n"
    b"17.batch|17.batch|batch|COMPLETED||2026-07-01T08:00:00|2026-07-01T08:10:00|"
    b"2026-07-01T20:00:00|cpu=64|gpu01\n"
    b"40_2|42|tune|RUNNING|12|1782907200|1782907300|Unknown|gres/gpu=8|gpu09\n"
    b"43|43|wait|PENDING|7|2026-07-01T09:00:00|Unknown|Unknown||None assigned\n"
    b"44|44|gone|CANCELLED by 7|7|2026-07-01T09:00:00+02:00|None|2026-07-01T10:00:00|gres/gpu=1|"
    b"n1\n"
)
_PIECES = (
    *(b"0", b"9", b"-", b".", b",", b"|", b"\n", b"\r", b"\x00", b"\xff", b"e5", b"nan", b"1e400"),
    *(b"<!-- -->", b"<value>7</value>", b"&lt;", b"&x;", b"<![CDATA[3]]>", b"]", b"[", b"[0-9999]"),
    *(b"400,1,1,A,,\n", b"V", b"A", b"_", b"+", b"99999999999999999999", "٣".encode(), b" ", b'"'),
    *(b"gres/gpu=1,", b"Unknown", b"<!DOCTYPE a>", b"<?x?>", b"2026-11-01T01:30:00"),
)
_YEAR_2100_S = 4_102_444_800
_IN_A_TEXT = [piece for piece in _PIECES if b"<" not in piece or b"!--" in piece or b"?" in piece]


def mutated(content: bytes, generator: random.Random) -> bytes:
    """Return a file with one to three places damaged; in XML every other time one text only."""
    damaged = bytearray(content)
    if content.startswith(b"<") and generator.random() < 1 / 2:
        texts = [match.span(1) for match in re.finditer(rb">([^<>]+)<", content)]
        first, last = generator.choice(texts)
        at = generator.randrange(first, last + 1)
        damaged[at : generator.randrange(at, last + 1)] = generator.choice(_IN_A_TEXT)
        return bytes(damaged)
    for _ in range(generator.randint(1, 3)):
        at = generator.randrange(len(damaged) + 1)
        length = generator.choice((1, 1, 2, 5, 40))
        what = generator.randrange(5)
        if what == 0:
            damaged[at : at + 1] = bytes([generator.randrange(256)])
        elif what == 1:
            del damaged[at : at + length]
        elif what == 2:
            damaged[at:at] = generator.choice(_PIECES)
        elif what == 3:
            start = generator.randrange(len(damaged) + 1)
            damaged[at:at] = damaged[start : start + length]
        else:
            damaged[at : at + length] = generator.choice(_PIECES)
    return bytes(damaged)


def check_nem12(content: bytes) -> int | None:
    """Return how many values of a damaged file were taken, each the literal; None if refused."""
    parsed = _read(read_nem12, content)
    if parsed is None:
        return None
    _check_table("raw_meter__readings", parsed, content)
    literals = _nem12_literals(content.decode("utf-8-sig"))
    for meter_id, start, _, energy, _ in parsed.rows.iter_rows():
        found = literals[meter_id, start]
        assert energy is None or energy in found, (content, meter_id, start, energy, found)
        assert found, (content, meter_id, start)
    assert parsed.days is not None
    told = _nem12_days(content.decode("utf-8-sig"))
    for *facts, reads in parsed.days.iter_rows():
        lines = told[tuple(facts)]
        assert all(read in lines for read in json.loads(reads)), (content, facts, reads)
    _check_nem12_again(parsed, content)
    shown = _nem12_registers(content.decode("utf-8-sig"))
    for row in parsed.registers.iter_rows():
        assert row in shown, (content, row)
    return parsed.rows.height


def check_espi(content: bytes) -> int | None:
    """Return how many values of a damaged file were taken, each the literal; None if refused."""
    parsed = _read(read_espi, content)
    if parsed is None:
        return None
    named = parsed.rows.with_columns(pl.lit("m").alias("meter_id"))
    _check_table("raw_meter__readings", Parsed(rows=named), content)
    literals = _espi_literals(content) if parsed.rows.height else {}
    for _, start, _, energy, _ in parsed.rows.iter_rows():
        assert energy in literals[start], (content, start, energy, literals[start])
    return parsed.rows.height


def check_sacct(content: bytes) -> int | None:
    """Return how many jobs of a damaged file were taken, each as it stands; None if refused."""
    parsed = _read(lambda one: read_sacct(one, ZoneInfo("UTC")), content)
    if parsed is None:
        return None
    _check_table("raw_job__accounting", Parsed(rows=parsed.rows.drop(NAMES)), content)
    lines = [line.removesuffix("\r").split("|") for line in content.decode("utf-8-sig").split("\n")]
    for job in parsed.rows.iter_rows(named=True):
        assert any(_is_of_line(job, lines[0], cells) for cells in lines[1:]), (content, job)
    return parsed.rows.height


CHECKS: dict[str, tuple[bytes, Callable[[bytes], int | None]]] = {
    "NEM12": (NEM12, check_nem12),
    "ESPI": (GREEN_BUTTON, check_espi),
    "ESPI mean power": (MEAN_POWER, check_espi),
    "sacct": (SACCT, check_sacct),
}


def _read(read: Callable[[bytes], Parsed], content: bytes) -> Parsed | None:
    try:
        return read(content)
    except DataRefusedError:
        return None


def _check_table(name: str, parsed: Parsed, content: bytes) -> None:
    """Hold what was taken from one file in eight against the table's rules, as an import does."""
    if len(content) % 8:
        return
    arrival = pl.lit(datetime(2026, 7, 2, tzinfo=UTC)).alias("available_at_utc")
    checked(name, parsed.rows.with_columns(arrival))


def _check_nem12_again(parsed: Parsed, content: bytes) -> None:
    """Write what was taken from one file in eight, and hold what is read of that against it."""
    if len(content) % 8:
        return
    now_utc = datetime(2026, 7, 2, tzinfo=UTC)
    known = pl.lit(now_utc).alias("available_at_utc")
    assert parsed.days is not None
    for (name,), rows in parsed.rows.with_columns(known).group_by("meter_id"):
        nmi, suffix = str(name).split(".")
        registers = parsed.registers.filter(node_id=nmi, meter_id=suffix)
        days = parsed.days.filter(meter_id=name)
        again = read_nem12(
            write_nem12(rows, str(name), now_utc, registers, days.with_columns(known))
        )
        assert not again.refused, (content, again.refused)
        assert again.rows.equals(rows.drop("available_at_utc").sort("interval_start_utc")), content
        assert again.registers.sort("observed_at_utc").equals(registers.sort("observed_at_utc"))
        assert again.days is not None
        # A register below a day that is refused leaves below another one.
        moved = ["index_reads_json"] if parsed.refused else []
        assert again.days.drop(moved).equals(days.sort("market_date").drop(moved)), content


def _nem12_literals(text: str) -> dict[tuple[str, datetime], set[float]]:
    """Return what each line says of each interval, whether it may or not."""
    found: defaultdict[tuple[str, datetime], set[float]] = defaultdict(set)
    channel: list[str] = []
    for line in text.split("\n"):
        fields = line.strip("\r \t").split(",")
        if fields[0] == "200":
            channel = fields
        elif fields[0] == "300" and len(channel) > 8 and channel[8] in {"5", "15", "30"}:
            minutes = int(channel[8])
            power = {"wh": -3, "kwh": 0, "mwh": 3}.get(channel[7].lower())
            date = "".join(fields[1:2])
            if power is None or not re.fullmatch("[0-9]{8}", date):
                continue
            try:
                midnight = datetime.strptime(f"{date}+1000", "%Y%m%d%z")
            except ValueError:
                continue
            for n, value in enumerate(fields[2 : 2 + 1440 // minutes]):
                start = midnight.astimezone(UTC) + timedelta(minutes=minutes * n)
                key = (f"{channel[1]}.{channel[4]}", start)
                found[key].add(
                    float(Decimal(value).scaleb(power))
                    if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", value, re.ASCII)
                    else -1.0
                )
    return found


def _nem12_days(text: str) -> dict[tuple[object, ...], list[list[str]]]:
    """Return the 500 lines below each 300 line by what that and the 200 line above it say."""
    found: dict[tuple[object, ...], list[list[str]]] = {}
    channel: list[str] = []
    for part in re.split("\n(?=[ \t\r]*[23]00,)", f"\n{text}"):
        lines = [line.strip("\r \t").split(",") for line in part.split("\n")]
        fields = lines[0]
        if fields[0] == "200":
            channel = [*fields, *[""] * 10]
        if fields[0] != "300" or not channel or channel[8] not in {"5", "15", "30"}:
            continue
        tail = [*fields[2 + 1440 // int(channel[8]) :], *[""] * 5]
        reads = [[*line[1:], *[""] * 4][:4] for line in lines if line[0] == "500"]
        name = f"{channel[1]}.{channel[4]}"
        try:
            facts = (
                name,
                _market_time(f"{fields[1]}0000").date(),
                name,
                *(channel[place] or None for place in (2, 3, 5, 6, 7)),
                _market_time(f"{channel[9]}0000").date() if channel[9] else None,
                *(_market_time(one).astimezone(UTC) if one else None for one in tail[3:5]),
            )
            found.setdefault(facts, []).extend(reads)
        except ValueError:
            continue
    return found


def _market_time(stamp: str) -> datetime:
    return datetime.strptime(f"{stamp:0<14}+1000", "%Y%m%d%H%M%S%z")


def _nem12_registers(text: str) -> list[tuple[object, ...]]:
    """Return what each 500 line says of the register of the channel above it, as a row."""
    found: list[tuple[object, ...]] = []
    channel: list[str] = []
    for line in text.split("\n"):
        fields = line.strip("\r \t").split(",")
        if fields[0] == "200":
            channel = fields
        elif fields[0] == "500" and len(fields) > 4 and len(channel) > 7:
            power = {"wh": -3, "kwh": 0, "mwh": 3}.get(channel[7].lower())
            try:
                read_utc = datetime.strptime(f"{fields[3]}+1000", "%Y%m%d%H%M%S%z").astimezone(UTC)
                kwh = float(Decimal(fields[4]).scaleb(power or 0))
            except (ValueError, ArithmeticError):
                continue
            found.append((channel[1], channel[4], read_utc, None, kwh, "ok"))
    return found


def _espi_literals(content: bytes) -> dict[datetime, set[float | None]]:
    root = ET.fromstring(content)  # noqa: S314 - as above
    powers = [
        int(one.findtext(f"{{{ESPI}}}powerOfTenMultiplier") or 0)
        for one in root.iter(f"{{{ESPI}}}ReadingType")
    ]
    found: defaultdict[datetime, set[float | None]] = defaultdict(set)
    for one in root.iter(f"{{{ESPI}}}IntervalReading"):
        start = (one.findtext(f"{{{ESPI}}}timePeriod/{{{ESPI}}}start") or "").strip(" \t\r\n")
        if not re.fullmatch("[+]?[0-9]+", start) or int(start) > _YEAR_2100_S:
            continue
        at = datetime.fromtimestamp(int(start), UTC)
        values = one.findall(f"{{{ESPI}}}value")
        texts = [(value.text or "").strip(" \t\r\n") for value in values]
        length = (one.findtext(f"{{{ESPI}}}timePeriod/{{{ESPI}}}duration") or "").strip()
        seconds = int(length) if re.fullmatch("[+]?[0-9]{1,9}", length) else 0
        for text in texts:
            if re.fullmatch("[+-]?[0-9]+", text):
                for power in powers:
                    value = Decimal(text).scaleb(power)
                    # As energy, and as mean power of its period.
                    found[at] |= {
                        float(value.scaleb(-3)),
                        float(Fraction(value) * seconds / 3_600_000),
                    }
        if not values:
            found[at].add(None)
    return found


def _is_of_line(job: dict[str, Any], names: list[str], cells: list[str]) -> bool:
    """Say whether a line states every value of a job."""
    if names[-1] == "":
        names, cells = names[:-1], cells[: len(names) - 1]
    if len(cells) != len(names):
        return False
    line = dict(zip(names, cells, strict=True))
    has_run = job["allocation_start_utc"] is not None
    gpus = re.findall(r"(?:^|,)gres/gpu(?::[^=,]+)?=([0-9]+)", line.get("AllocTRES", ""))
    nodes = job["node_ids"]
    return (
        job["job_id"] == line.get("JobIDRaw", line.get("JobID"))
        and line["State"].lower().startswith(job["job_state"])
        and _same(job["submitted_at_utc"], line["Submit"])
        and (not has_run or _same(job["allocation_start_utc"], line["Start"]))
        and (job["allocation_end_utc"] is None or _same(job["allocation_end_utc"], line["End"]))
        and (job["job_priority"] is None or job["job_priority"] == int(line["Priority"]))
        and (job["gpu_count"] is None or not has_run or job["gpu_count"] in {0, *map(int, gpus)})
        and (nodes is None or _first_node(line["NodeList"]) == nodes.split(",")[0])
    )


def _first_node(text: str) -> str:
    return re.sub(r"\[([0-9]+)[^\]]*\]", r"\1", re.split(r",(?![^\[]*\])", text)[0])


def _same(instant: datetime, text: str) -> bool:
    if re.fullmatch("[0-9]+", text) and int(text) < _YEAR_2100_S:
        return instant == datetime.fromtimestamp(int(text), UTC)
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return False
    return instant == (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).replace(
        microsecond=stamp.microsecond // 1000 * 1000
    )
