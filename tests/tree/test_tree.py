"""What holds for the source tree as a whole, read from its files.

Each test is one rule; its message lists the places and says what to do. What ruff, mypy and
import-linter check is not checked again here.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("cli", "collectors", "models", "pipelines", "warehouse")
FOLDERS = (*ROOMS, "benchmarks", "docs", "tests", ".ci")
TEXTS = {"", ".c", ".css", ".csv", ".html", ".json", ".j2", ".md", ".py", ".sql", ".toml"}
MAX_LINES = 400
UNITS = "models/negawatt/models/domain/units.py"
CLOCKS = ("pipelines/negawatt/pipelines/resources.py", "collectors/negawatt/collectors/clock.py")

# Modules that no other module imports, and why they are there.
pytestmark = pytest.mark.slow  # the whole tree is read: part of `make check`

ENTRY_POINTS = {
    "negawatt.cli.main": "the command",
    "negawatt.collectors.sources.replay": "what tests and benchmarks read; no command offers it",
    "negawatt.models.baselines.change_point": "models of savings; compared with published results",
    "negawatt.models.baselines.fit_statistics": "the uncertainty of savings; compared likewise",
    "negawatt.models.counterfactual.series_levels": "series without a fleet; docs/phoenix reads it",
    "negawatt.pipelines.history": "the settings of deploy/dagster name it (dagster.yaml)",
    "negawatt.pipelines.launcher": "the settings of a Dagster instance name it (instance.yaml)",
    "negawatt.pipelines.exports.schemas": "tests.docs.generated writes docs/schema with it",
}


@cache
def texts() -> dict[str, str]:
    """Return every text file of the project but this one, by its path below the root."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted([*inside, *ROOT.glob("*")])
        if path.is_file()
        and path.suffix in TEXTS
        and not path.name.startswith(".")
        and path != Path(__file__).resolve()
    }


def code(*folders: str) -> Iterator[tuple[str, int, str]]:
    """Yield path, number and text of every line of Python below the folders."""
    for path, text in texts().items():
        if path.endswith(".py") and path.startswith(tuple(f"{folder}/" for folder in folders)):
            for number, line in enumerate(text.splitlines(), start=1):
                yield path, number, line


def without_comment(line: str) -> str:
    return line.partition("#")[0]


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the rooms, parsed, by its dotted name."""
    found = {}
    for path, text in texts().items():
        if path.endswith(".py") and path.startswith(ROOMS):
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            found[".".join(parts[1:])] = ast.parse(text)
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Return what a module imports, wherever in it; ``from a import b`` gives a and a.b."""
    found = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def words_of(name: str) -> set[str]:
    """Return every text in a module: the command's root names the modules that it imports late."""
    nodes = ast.walk(modules()[name])
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@cache
def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads(texts()["pyproject.toml"])
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def is_forbidden(sources: set[str], targets: set[str]) -> bool:
    """Say whether one contract forbids all sources all targets."""
    return any(
        sources <= set(contract.get("source_modules", ()))
        and targets <= set(contract.get("forbidden_modules", ()))
        for contract in contracts()
    )


def test_no_name_ends_in_a_unit_that_is_milliwatt_to_one_and_megawatt_to_another() -> None:
    name = re.compile(r"\b(?!\w*per_mwh?)[a-z]\w*_mwh?(?:_\w+)?\b")
    found = [
        f"{path}:{number}: {match[0]}"
        for path, number, line in code(*FOLDERS)
        if "_mw" in line
        for match in name.finditer(line)
    ]

    assert not found, "name the quantity in W, kW, kWh, or spell out milliwatt"


def test_unit_factors_come_from_the_units_module() -> None:
    factor = re.compile(r"\b3_?600_?000\b|\b3\.6e6\b|/\s*1_?000\b|\*\s*1_?000\b")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, number, line in code(*ROOMS)
        if factor.search(without_comment(line))
        and path != UNITS
        and not path.startswith("collectors/negawatt/collectors/sources/")
    ]

    assert not found, "import the factor from negawatt.models.domain.units"


def test_only_the_clocks_ask_the_machine_for_the_time() -> None:
    asked = re.compile(r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|time\.time(?:_ns)?)\(")
    found = [
        f"{path}:{number}"
        for path, number, line in code(*FOLDERS)
        if asked.search(without_comment(line)) and path not in CLOCKS
    ]

    assert not found, "take a Clock, or the instant, as an argument"


def test_only_one_module_opens_duckdb() -> None:
    found = {path for path, _, line in code(*FOLDERS) if "duckdb.connect(" in line}

    assert found == {"warehouse/negawatt/warehouse/connection.py"}, (
        "use negawatt.warehouse.connection"
    )


def test_only_one_module_imports_the_nvidia_binding() -> None:
    found = {name for name in modules() if "pynvml" in imports(name)}

    assert found == {"negawatt.collectors.sources.nvml"}, "read GPUs through a source"


def test_no_module_reads_the_environment() -> None:
    found = {path for path, _, line in code(*ROOMS) if re.search(r"\bos\.(environ|getenv)", line)}

    assert not found, "take the value as an argument or from a configuration file"


def test_no_room_makes_the_namespace_a_package_of_its_own() -> None:
    found = [str(path) for room in ROOMS for path in (ROOT / room / "negawatt").glob("*.py")]

    assert not found, "remove it: five rooms share the namespace negawatt"


def test_every_package_has_a_file_that_says_what_it_is() -> None:
    folders = {
        path.rpartition("/")[0] for path, _, _ in code(*ROOMS) if not path.endswith("__init__.py")
    }
    found = [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in texts()]

    assert not found, "add an __init__.py with a docstring"


def test_every_module_is_imported_by_something() -> None:
    used = {target for name in modules() for target in imports(name) if target != name}
    used |= {f"negawatt.cli.{word}" for word in words_of("negawatt.cli.main")}
    found = [
        name
        for name in modules()
        if name not in ENTRY_POINTS
        and not any(target == name or target.startswith(f"{name}.") for target in used)
    ]

    assert not found, "remove it, use it, or state in ENTRY_POINTS why it is there"
    assert set(ENTRY_POINTS) <= set(modules())


def test_every_module_opens_with_what_belongs_in_it() -> None:
    found = [name for name, tree in modules().items() if not ast.get_docstring(tree)]

    assert not found, "open with what belongs here, and what does not"


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    lengths = {path: text.count("\n") for path, text in texts().items() if path.endswith(".py")}
    found = {path: length for path, length in lengths.items() if length > MAX_LINES}

    assert not found, "divide it by what belongs together"


def test_the_domain_imports_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"negawatt"}
    domain = [name for name in modules() if name.startswith("negawatt.models.domain")]
    found = {
        (name, target)
        for name in domain
        for target in imports(name)
        if target.partition(".")[0] not in allowed
        or (target.startswith("negawatt") and not target.startswith("negawatt.models.domain"))
    }

    assert domain
    assert not found, "the node agent imports it: keep it light"


def test_a_contract_forbids_each_import_that_architecture_forbids() -> None:
    rooms = {f"negawatt.{room}" for room in ROOMS}
    parts = {
        f"negawatt.models.{path.name}"
        for path in (ROOT / "models/negawatt/models").iterdir()
        if (path / "__init__.py").is_file() and path.name != "domain"
    }
    rules = [
        ({"negawatt.pipelines"}, {"negawatt.collectors"}),
        ({"negawatt.collectors", "negawatt.warehouse"}, parts),
        (rooms - {"negawatt.pipelines"}, {"dagster"}),
        (rooms - {"negawatt.warehouse"}, {"duckdb", "deltalake"}),
        (rooms - {"negawatt.collectors"}, {"pynvml"}),
        ({"negawatt.models"}, {"aiohttp", "dagster", "deltalake", "duckdb", "typer"}),
    ]
    found = [rule for rule in rules if not is_forbidden(*rule)]

    assert not found, "add the modules to a contract in pyproject.toml"
    assert [contract["layers"] for contract in contracts() if contract["type"] == "layers"]


def test_every_exception_to_a_check_has_its_reason_beside_it() -> None:
    found = [f"{path}:{number}" for path, number, line in code(*FOLDERS) if lacks_a_reason(line)]

    assert not found, "write '# noqa: CODE - reason' or '# type: ignore[code]  # reason'"


def test_what_counts_as_a_reason() -> None:
    with_reason = (
        "x = 1  # noqa: S101 - why",
        "x = 1  # noqa: S101, S102 - why",
        "x = 1  # why  # noqa: S101",
        "x = 1  # type: ignore[misc]  # why",
        "x = 1  # an ordinary comment",
    )
    without = ("x = 1  # noqa: S101", "x = 1  # noqa", 'x = "#a"  # noqa: S101, S102')

    assert not [line for line in with_reason if lacks_a_reason(line)]
    assert all(map(lacks_a_reason, (*without, "x = 1  # type: ignore[misc]")))


def lacks_a_reason(line: str) -> bool:
    """Say whether a line has an exception to a check, and no words beside it."""
    exception = re.search(r"#\s*(?:noqa|type:\s*ignore)\b", line)
    if not exception:
        return False
    before = re.search(r"\S\s+(# \w[^\"']*)$", line[: exception.start()])
    rule = r"#\s*noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|#\s*type:\s*ignore(?:\[[^]]*\])?"
    comments = line[before.start(1) if before else exception.start() :]
    return not re.search(r"\w", re.sub(rule, "", comments))


def test_no_file_names_a_place_of_one_machine() -> None:
    place = re.compile(r"(?<![\w.<>)}\]*])/(?:work|tmp|root|home|Users)\b(?!>)")
    found = [
        f"{path}:{number}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if place.search(line)
    ]

    assert not found, "take the folder as an argument, or use pytest's tmp_path"


def test_no_file_names_the_address_of_a_package_registry() -> None:
    address = re.compile(r"https?://\S*(?:pypi|pythonhosted|npmjs|crates\.io|artifactory|nexus)")
    found = [path for path, text in texts().items() if address.search(text)]

    assert not found, "leave it to the reader's own settings"


def test_the_lock_pins_every_package_by_hash_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w\[\].-]+==\S+[^\n]*\\\n +--hash=sha256:", lock, re.MULTILINE)

    assert "://" not in lock, "make it again with `make lock`"
    assert len(pinned) == len(re.findall(r"^[\w]", lock, re.MULTILINE))


def test_the_license_is_the_one_that_the_package_states() -> None:
    project = tomllib.loads(texts()["pyproject.toml"])["project"]

    assert project["license"] == "Apache-2.0"
    assert "Apache License" in texts()["LICENSE"]


def test_spelling_is_american() -> None:
    british = re.compile(
        r"\b(?:[a-z]*colour|neighbour|behaviour|favour|honour|labour|(?:kilo|centi|milli)?metres?\b"
        r"|centres?\b|programmes?\b|licences?\b|catalogue|artefact|defence|grey|whilst|fulfil\b"
        r"|(?:anal|catal)yse|(?:organ|normal|util|material|recogn|initial|serial|summar|optim"
        r"|minim|maxim|standard|synchron|visual)is(?:e|ed|es|ing|ation)\b"
        r"|(?:label|model|travel)l(?:ed|ing)\b)",
        re.IGNORECASE,
    )
    found = [
        f"{path}:{number}: {match[0]}"
        for path, text in texts().items()
        if path != "LICENSE" and british.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        for match in british.finditer(line)
    ]

    assert not found, "write American English"


def test_what_is_recomputed_elsewhere_uses_no_kernels_chosen_by_the_processor() -> None:
    """BLAS and LAPACK differ in the last bits from one processor to the next."""
    products = {"linalg", "dot", "vdot", "inner", "matmul", "einsum", "tensordot"}
    products |= {"corrcoef", "cov", "polyfit", "convolve", "correlate"}
    rooms = tuple(
        f"negawatt.models.{room}"
        for room in ("baselines", "settlement", "verification", "metering", "reconciliation")
    )
    found = [
        f"{name}:{node.lineno}"
        for name, module in modules().items()
        if name.startswith(rooms)
        for node in ast.walk(module)
        if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
        or (isinstance(node, ast.Attribute) and node.attr in products)
    ]

    assert not found, "use negawatt.models.baselines.least_squares, or sums of products"
