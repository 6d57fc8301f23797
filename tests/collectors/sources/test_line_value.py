import pytest

from negawatt.collectors.sources.line_value import LineReason, all_usable, value_problem


@pytest.mark.parametrize(
    "text",
    # dcgm_structs.h: DCGM_INT64_BLANK and following, DCGM_INT32_BLANK, DCGM_FP64_BLANK, strings.
    [
        "9223372036854775792",
        "9223372036854775795",
        "2147483632",
        "2147483635",
        "140737488355328.000000",
        "140737488355331.000000",
        "<<<NOT_SUPPORTED>>>",
    ],
)
def test_codes_for_no_value_are_no_values(text: str) -> None:
    assert value_problem(text.encode()) == LineReason.SENTINEL


@pytest.mark.parametrize("text", ["2147483631", "140737488355332.000000", "0", "15152422938"])
def test_numbers_beside_the_codes_are_values(text: str) -> None:
    assert value_problem(text.encode()) is None


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-inf", "1_0", "", "1 2", "9223372036854775794", "0x10", "1e400", "\u0663"],
)
def test_one_value_that_cannot_be_used_shows_among_many_that_can(text: str) -> None:
    values = [b"1", b" 68.244000", text.encode(), b"-2e3"]

    assert value_problem(text.encode()) is not None
    assert not all_usable(values)


def test_values_that_can_be_used_pass_together() -> None:
    assert all_usable([b" 68.244000", b"0", b"15152422938", b"-1e-3", b"2147483631\r"])
