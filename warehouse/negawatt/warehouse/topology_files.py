"""A declared electrical path: a TOML file with one table for each object.

Here: the file as rows of raw_site__topology. Not here: what is heard on a factory's bus, and
reading the table (topology_tables).
"""

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import polars as pl
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.models.domain.topology import NODE, PathObject, topology_of
from negawatt.warehouse.catalog import schema

TOPOLOGY: Final = "raw_site__topology"

_Name = Annotated[str, StringConstraints(min_length=1)]


class DeclaredObject(BaseModel):
    """One object of the file; its table's name is its ``object_id``.

    Attributes:
        type: PowerMeter, Rack, Node, UPS; ``Removed`` takes an object out that was told of before.
        name: Its name for people.
        serves: What it feeds directly, each with a table of its own.
        nodes: Nodes that it feeds directly, which need no table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: _Name
    name: _Name | None = None
    serves: tuple[_Name, ...] = ()
    nodes: tuple[_Name, ...] = ()


_OBJECTS = TypeAdapter(dict[_Name, DeclaredObject])


def read_topology_file(path: Path) -> list[PathObject]:
    """Return the objects of a declared path.

    Raises:
        ConfigurationError: The file is missing, no TOML, or holds an unknown or wrong key.
        DataRefusedError: The path contradicts itself, or serves an object without a table.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        declared = _OBJECTS.validate_python(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"topology file {path}",
            expected="a TOML file with one table for each object",
            found=str(error),
            remedy="correct the file",
        ) from error
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(
            path, problems, remedy="correct the key; the fields are type, name, serves, nodes"
        ) from error
    objects = [
        PathObject(
            object_id=object_id,
            object_type=one.type,
            serves_ids=tuple(sorted({*one.serves, *one.nodes})),
            object_name=one.name,
        )
        for object_id, one in declared.items()
    ]
    nodes = {node for one in declared.values() for node in one.nodes} - declared.keys()
    objects += [PathObject(object_id=node, object_type=NODE) for node in sorted(nodes)]
    topology_of(objects, complete=True)
    return objects


def topology_rows(objects: list[PathObject], available_at_utc: datetime) -> pl.DataFrame:
    """Return objects as rows of raw_site__topology."""
    return pl.DataFrame(
        {
            "object_id": [one.object_id for one in objects],
            "object_type": [one.object_type for one in objects],
            "object_name": [one.object_name for one in objects],
            "associate_id": [None] * len(objects),
            "serves_ids_json": [json.dumps(one.serves_ids) for one in objects],
            "available_at_utc": [available_at_utc] * len(objects),
        },
        schema=schema(TOPOLOGY),
    )
