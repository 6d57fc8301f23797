import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.espi import read_espi
from negawatt.warehouse.formats.espi_codes import Flow
from tests.warehouse.formats.espi_feeds import (
    ESPI,
    START_S,
    TYPE,
    block,
    entry,
    feed,
    kind,
    plain,
    quality,
    reading,
)

POINT = "/espi/1_1/resource/RetailCustomer/9/UsagePoint"


def linked(point: str, meter: str, type_number: int, *readings: str) -> str:
    """Return MeterReading and IntervalBlock, the block first, linked to a type."""
    own = f"{POINT}/{point}/MeterReading/{meter}"
    related = f"/espi/1_1/resource/ReadingType/{type_number}"
    return entry(
        block(*readings), [("self", f"{own}/IntervalBlock/1"), ("up", f"{own}/IntervalBlock")]
    ) + entry(f'<MeterReading xmlns="{ESPI}"/>', [("self", own), ("related", related)])


def linked_type(number: int, elements: str) -> str:
    return entry(kind(elements), [("self", f"/espi/1_1/resource/ReadingType/{number}")])


def test_a_reading_is_an_energy_from_its_start_in_utc() -> None:
    """1250 Wh are 1.25 kWh."""
    row = read_espi(plain(reading(4))).rows.row(0, named=True)

    assert row["interval_start_utc"] == datetime(2025, 7, 1, 1, tzinfo=UTC)
    assert row["interval_end_utc"] == datetime(2025, 7, 1, 1, 15, tzinfo=UTC)
    assert (row["energy_kwh"], row["reading_quality"], row["meter_id"]) == (1.25, "ok", None)


@pytest.mark.parametrize(
    ("power", "kwh"), [(-12, 1.01e-12), (-3, 0.00101), (0, 1.01), (3, 1010.0), (12, 1.01e12)]
)
def test_the_multiplier_is_a_power_of_ten_of_wh(power: int, kwh: float) -> None:
    elements = TYPE.replace("Multiplier>0<", f"Multiplier>{power}<")

    rows = read_espi(plain(reading(0, "<value>1010</value>"), elements=elements)).rows

    assert rows["energy_kwh"].item() == kwh


def test_links_say_which_meter_and_which_type_a_block_has() -> None:
    energy, milli = TYPE, TYPE.replace("Multiplier>0<", "Multiplier>-3<")
    content = feed(
        linked("a%2Fb", "1", 2, reading(0)),
        linked("c", "2", 1, reading(0)),
        linked_type(1, energy),
        linked_type(2, milli),
    )

    rows = read_espi(content).rows

    assert rows.select("meter_id", "energy_kwh").rows() == [("a/b.1", 0.00125), ("c.2", 1.25)]


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ((), "ok"),
        ((0,), "ok espi 0"),
        ((17, 19), "ok espi 17,19"),
        ((8,), "estimated espi 8"),
        ((17, 9), "estimated espi 17,9"),
        ((7,), "edited espi 7"),
        ((10,), "questionable espi 10"),
        ((14,), "raw espi 14"),
        ((15,), "weather_normalized espi 15"),
    ],
)
def test_the_code_that_says_most_against_a_reading_gives_the_word(
    codes: tuple[int, ...], word: str
) -> None:
    rows = read_espi(plain(reading(0, quality=quality(*codes)))).rows

    assert rows["reading_quality"].item() == word


def test_the_default_quality_of_the_type_counts_where_a_reading_states_none() -> None:
    elements = TYPE.replace("<flow", "<defaultQuality>8</defaultQuality><flow")
    content = plain(reading(0), reading(1, quality=quality(17)), elements=elements)

    qualities = read_espi(content).rows["reading_quality"].to_list()

    assert qualities == ["estimated espi 8", "ok espi 17"]


def test_a_reading_without_a_value_is_not_known_and_one_of_zero_is_zero() -> None:
    rows = read_espi(plain(reading(0, ""), reading(1, "<value>0</value>"))).rows

    assert rows["energy_kwh"].to_list() == [None, 0.0]
    assert rows["reading_quality"].to_list() == ["no_reading", "ok"]


def test_a_comment_inside_a_number_hides_none_of_its_digits() -> None:
    rows = read_espi(plain(reading(0, "<value>12<!-- x -->50<?y?></value>"))).rows

    assert rows["energy_kwh"].item() == 1.25


PERIOD = f"<timePeriod><duration>900</duration><start>{START_S}</start></timePeriod>"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (reading(0, "<value>1.5</value>"), "value: an integer is expected, found '1.5'"),
        (reading(0, "<value>1<b/>2</value>"), "value: an integer is expected, found ''"),
        (reading(0, "<value/>"), "value: an integer is expected, found ''"),
        (reading(0, f"<value>{2**47}</value>"), "an integer of 48 bits is expected"),
        (reading(0, "<value>1</value><value>2</value>"), "value stands behind value, or twice"),
        (reading(0, "<price>1</price>"), "found {http://naesb.org/espi}price"),
        (reading(0, quality=quality(99)), "a quality of ESPI is expected, found 99"),
        (reading(0, quality=quality("valid")), "quality: an integer is expected, found 'valid'"),
        (reading(97), "a reading inside its block is expected"),
        (f"<IntervalReading><value>1</value>{PERIOD}</IntervalReading>", "stands behind value"),
        ("<IntervalReading><value>1</value></IntervalReading>", "timePeriod is expected"),
        (
            reading(0).replace("<duration>900</duration>", "").replace("</start>", "</start>"),
            "duration: an integer is expected, found ''",
        ),
        (reading(0).replace(">900<", ">0<"), "a duration and a start between 1970 and 2100"),
        ("<Reading/>", "interval or IntervalReading is expected"),
    ],
)
def test_a_broken_reading_is_refused_with_its_line_and_the_next_is_taken(
    broken: str, reason: str
) -> None:
    parsed = read_espi(plain("\n", broken, reading(1)))

    (refused,) = parsed.refused
    assert reason in refused.reason
    assert refused.place == "line 2"
    assert parsed.rows["interval_start_utc"].to_list() == [datetime(2025, 7, 1, 0, 15, tzinfo=UTC)]


def test_duration_stands_before_start() -> None:
    start = f"<start>{START_S}</start>"
    swapped = reading(0).replace(
        f"<duration>900</duration>{start}", f"{start}<duration>900</duration>"
    )

    (refused,) = read_espi(plain(swapped)).refused

    assert refused.reason == "duration stands behind start, or twice"


def test_two_readings_of_one_start_are_both_refused() -> None:
    parsed = read_espi(plain(reading(0), reading(0, "<value>1</value>"), reading(1)))

    assert [one.reason for one in parsed.refused] == [f"start {START_S} stands more than once"] * 2
    assert parsed.rows.height == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<uom>72</uom>", "<uom>38</uom>"), "kind 12 is not power"),
        (("<uom>72</uom>", "<uom>31</uom>"), "uom 31 is not Wh or W"),
        (("<commodity>1<", "<commodity>7<"), "commodity 7 is not electricity"),
        (("<flowDirection>1<", "<flowDirection>19<"), "flowDirection 19 is not delivered"),
        (
            ("accumulationBehaviour>4<", "accumulationBehaviour>3<"),
            "accumulationBehaviour 3 is not energy of the interval",
        ),
        (("<kind>12<", "<kind>8<"), "kind 8 is not energy"),
    ],
)
def test_what_is_no_energy_delivered_is_left_out(change: tuple[str, str], reason: str) -> None:
    parsed = read_espi(plain(reading(0), elements=TYPE.replace(*change)))

    assert [one.reason for one in parsed.left_out] == [f"{reason}; with it all its readings"]
    assert (parsed.rows.height, parsed.refused) == (0, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<uom>72</uom>", ""), "uom and commodity are expected"),
        (("Multiplier>0<", "Multiplier>4<"), "a multiplier of ESPI is expected, found 4"),
        (("<uom>72</uom>", "<uom>Wh</uom>"), "uom: an integer is expected, found 'Wh'"),
        (("<kind>12</kind>", "<kind>12</kind><commodity>1</commodity>"), "commodity stands behind"),
    ],
)
def test_a_broken_type_is_refused_with_its_readings(change: tuple[str, str], reason: str) -> None:
    parsed = read_espi(plain(reading(0), elements=TYPE.replace(*change)))

    assert reason in parsed.refused[0].reason
    assert parsed.rows.is_empty()


def test_a_block_without_one_type_is_refused() -> None:
    content = feed(entry(block(reading(0))), entry(kind()), entry(kind()))

    (refused,) = read_espi(content).refused

    assert refused.reason == "one ReadingType is expected, found 0; with it all its readings"


def test_a_block_whose_meter_links_to_a_type_that_is_not_in_the_file_is_refused() -> None:
    """Type 1 is in milliwatt hours; what type 2 says nobody knows."""
    content = feed(
        linked("a", "1", 1, reading(0)),
        linked("b", "1", 2, reading(0)),
        linked_type(1, TYPE.replace("Multiplier>0<", "Multiplier>-3<")),
    )

    parsed = read_espi(content)

    assert parsed.rows.select("meter_id", "energy_kwh").rows() == [("a.1", 0.00125)]
    (refused,) = parsed.refused
    assert refused.reason.startswith("/espi/1_1/resource/ReadingType/2 is expected in the file")


def test_the_only_type_counts_for_a_meter_that_links_to_none() -> None:
    """Feeds of the SDK of 2012 link a meter to its blocks as well."""
    own = f"{POINT}/1/MeterReading/1"
    up, related = ("up", f"{own}/IntervalBlock"), ("related", f"{own}/IntervalBlock")
    content = feed(
        entry(block(reading(0)), [up]),
        entry(f'<MeterReading xmlns="{ESPI}"/>', [("self", own), related]),
        linked_type(1, TYPE),
    )

    assert read_espi(content).rows["energy_kwh"].item() == 1.25


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f'<!DOCTYPE feed [<!ENTITY l0 "ha">{LAUGHS}]><feed>&l11;</feed>', "a document type"),
        ('<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/hostname">]><f>&x;</f>', "a document type"),
        ('<!DOCTYPE f SYSTEM "http://127.0.0.1:9/x.dtd"><f/>', "a document type"),
        ("<feed><entry>&x;</entry></feed>", "found no element"),
        ("<a>" * 300 + "</a>" * 300, "Excessive depth"),
        (f"<feed>{'1' * 11_000_000}</feed>", "Text node too long"),
        (f"<feed a='{'1' * 11_000_000}'/>", "Buffer size limit exceeded"),
        ("<feed><entry></feed>", "Opening and ending tag mismatch"),
        ("<feed><entry>", "Premature end of data"),
        ("<", "StartTag: invalid element name"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_attacks_by_entities_and_size_and_broken_documents_are_refused(
    content: str, found: str, encoding: str
) -> None:
    with pytest.raises(DataRefusedError, match=found):
        read_espi(content.encode(encoding))


@pytest.mark.shared
def test_a_real_home_has_8727_hours_with_a_day_of_23_and_one_of_25(shared_data: Path) -> None:
    """SDG&E, 2011: clocks went forward on 13 March and back on 6 November; an hour is missing."""
    path = shared_data / "formats" / "green_button" / "sdge_2011_hourly_espi.xml.gz"
    parsed = read_espi(gzip.decompress(path.read_bytes()))

    local = parsed.rows["interval_start_utc"].dt.convert_time_zone("America/Los_Angeles")
    hours = dict(local.dt.date().value_counts().iter_rows())
    assert (parsed.rows.height, parsed.refused) == (8727, ())
    assert hours[date(2011, 3, 13)] == 23
    assert hours[date(2011, 11, 6)] == 25 - 1
    assert {day for day, count in hours.items() if count < 23} == {date(2011, 2, 8)}
    assert parsed.rows["energy_kwh"][:3].to_list() == [0.385, 0.365, 0.425]
    assert [one.found for one in parsed.left_out] == ["ElectricPowerUsageSummary"]


@pytest.mark.parametrize("tag", ["ReadingType", "IntervalBlock", "value", "IntervalReading"])
def test_a_namespace_with_a_brace_is_refused_and_no_crash(tag: str) -> None:
    """The parser hands out elements of such a namespace before it refuses the document."""
    other = "http}//naesb.org/espi"
    text = plain(reading(0)).decode()
    own, bare = f'<{tag} xmlns="{ESPI}"', f'<{tag} xmlns="{other}"'

    with pytest.raises(DataRefusedError, match="is not a valid URI"):
        read_espi(text.replace(own if own in text else f"<{tag}", bare, 1).encode())


def test_energy_is_taken_of_the_way_that_is_asked_for_and_of_no_other() -> None:
    """FlowDirectionKind: forward 1, reverse 19, net 4; without one it is delivered."""
    files = [
        plain(reading(0), elements=TYPE.replace("<flowDirection>1</flowDirection>", element))
        for element in ("", *(f"<flowDirection>{code}</flowDirection>" for code in (1, 19, 4, 20)))
    ]

    found = {flow: [read_espi(content, flow).rows.height for content in files] for flow in Flow}

    assert found == {
        Flow.DELIVERED: [1, 1, 0, 0, 0],
        Flow.RECEIVED: [0, 0, 1, 0, 0],
        Flow.NET: [0, 0, 0, 1, 0],
    }


MEAN_POWER = (
    "<accumulationBehaviour>6</accumulationBehaviour><commodity>1</commodity>"
    "<dataQualifier>2</dataQualifier><flowDirection>1</flowDirection><kind>37</kind>"
    "<powerOfTenMultiplier>3</powerOfTenMultiplier><uom>38</uom>"
)


def test_a_mean_power_is_the_energy_of_its_period() -> None:
    """7 x 10^3 W over a quarter hour are 1.75 kWh; -1 x 10^3 W over it are -0.25 kWh."""
    net = MEAN_POWER.replace("<flowDirection>1<", "<flowDirection>4<")
    content = plain(reading(0, "<value>7</value>"), reading(1, "<value>-1</value>"), elements=net)

    assert read_espi(content, Flow.NET).rows["energy_kwh"].to_list() == [1.75, -0.25]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<dataQualifier>2<", "<dataQualifier>8<"), "dataQualifier 8 is not a mean"),
        (("<dataQualifier>2</dataQualifier>", ""), "dataQualifier without a number is not a mean"),
        (("r>6<", "r>13<"), "accumulationBehaviour 13 is not a mean"),
    ],
)
def test_a_power_that_nobody_calls_a_mean_is_left_out(change: tuple[str, str], reason: str) -> None:
    parsed = read_espi(plain(reading(0), elements=MEAN_POWER.replace(*change)))

    assert reason in parsed.left_out[0].reason
    assert parsed.rows.is_empty()


def test_a_name_with_a_character_that_is_not_printed_is_no_name() -> None:
    content = feed(linked("a%1Bb", "1", 1, reading(0)), linked_type(1, TYPE))

    assert read_espi(content).rows["meter_id"].to_list() == [None]
