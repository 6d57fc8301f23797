"""The pages of the job-aware method: their tables are the code's own."""

from negawatt.models.counterfactual.fleet import Action
from negawatt.models.counterfactual.fleet_format import OPTIONAL, REQUIRED
from negawatt.models.counterfactual.gpu_change import Mechanism
from tests.docs.console import text_of

FORMAT = "docs/methods/fleet-folder.md"
METHOD = "docs/methods/counterfactual.md"


def rows(document: str, heading: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is given, without its head."""
    lines = text_of(document).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def test_every_required_table_is_described_with_its_columns() -> None:
    power = ["`gpu_power/day=NN`", code(("ts", "gpu", "power_w"))]

    expected = [power, *([f"`{name}`", code(columns)] for name, columns in REQUIRED.items())]

    assert rows(FORMAT, "table") == expected


def test_every_optional_table_is_described_with_its_columns_and_its_cost() -> None:
    text = text_of(FORMAT)

    lines = [
        f"| `{name}` | {code(columns)} | {cost or 'nothing is lost'} |"
        for name, (columns, cost) in OPTIONAL.items()
    ]

    assert "\n".join(lines) in text


def test_the_method_repeats_what_each_absent_table_costs() -> None:
    expected = [[f"`{name}`", cost] for name, (_, cost) in OPTIONAL.items() if cost]

    assert rows(METHOD, "without") == expected


def test_every_mechanism_is_explained() -> None:
    assert [row[0] for row in rows(METHOD, "mechanism")] == [f"`{name}`" for name in Mechanism]


def test_every_action_is_named() -> None:
    text = text_of(FORMAT)

    assert not [action for action in Action if f"`{action.value}`" not in text]
