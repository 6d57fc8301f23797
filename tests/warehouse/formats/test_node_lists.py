import pytest

from negawatt.warehouse.formats.node_lists import expanded


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu1", ["gpu1"]),
        ("gpu[1,3-4]", ["gpu1", "gpu3", "gpu4"]),
        ("gpu[098-101]", ["gpu098", "gpu099", "gpu100", "gpu101"]),
        ("a,b[1-2]-ib,c", ["a", "b1-ib", "b2-ib", "c"]),
        ("r[1-2]n[1,3]", ["r1n1", "r1n3", "r2n1", "r2n3"]),
    ],
)
def test_a_list_is_written_out_in_its_order(text: str, names: list[str]) -> None:
    """As scontrol(1) describes `show hostnames`; digits keep their width."""
    assert expanded(text) == names


@pytest.mark.parametrize(
    "text",
    ["", "a,", "a[", "a[]", "a[1-]", "a[3-1]", "a b", "a[0-99999999]", "a[0-999]b[0-999]", "]"],
)
def test_what_is_no_list_or_far_too_long_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected, found"):
        expanded(text)
