"""Which jobs are how flexible: a file that says it by the names that a scheduler knows them by.

Here: the file, and its words put to rows of ``raw_job__`` tables. Not here: reading jobs
(formats, profiles).
"""

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.warehouse.catalog import schema

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Tier(BaseModel):
    """Jobs that are alike; each list holds patterns (``*``, ``?``) of which one must fit.

    Attributes:
        flexibility_tier: 0 none, 1 light cap, 2 cap, 3 may be paused.
        job_class: What sort of work they do.
        job_id: Patterns of the scheduler's name.
        job_name: Patterns of the user's name.
        account_name: Patterns of the account.
        partition_name: Patterns of the partition or queue.
        qos_name: Patterns of the quality of service.
    """

    model_config = _STRICT

    flexibility_tier: Annotated[int, Field(ge=0, le=3)]
    job_class: str | None = None
    job_id: tuple[str, ...] | None = None
    job_name: tuple[str, ...] | None = None
    account_name: tuple[str, ...] | None = None
    partition_name: tuple[str, ...] | None = None
    qos_name: tuple[str, ...] | None = None

    def fits(self, job: Mapping[str, object]) -> bool:
        """Say whether a job is one of them; a name that is not known fits no pattern."""
        asked = {"job_id", "job_name", "account_name", "partition_name", "qos_name"}
        return all(
            any(fnmatchcase(str(job.get(name) or ""), pattern) for pattern in patterns)
            for name in asked
            if (patterns := getattr(self, name)) is not None
        )


class _Tiers(BaseModel):
    model_config = _STRICT

    tier: tuple[Tier, ...]


def read_tiers(path: Path) -> tuple[Tier, ...]:
    """Read a file of ``[[tier]]`` tables.

    Raises:
        ConfigurationError: The file is missing, no TOML, or holds an unknown or wrong key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(_Tiers).validate_python(content).tier
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"tiers file {path}",
            expected="a TOML file with [[tier]] tables",
            found=str(error),
            remedy="correct the file",
        ) from error
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error


def with_tiers(rows: pl.DataFrame, tiers: Iterable[Tier]) -> pl.DataFrame:
    """Return jobs with the tier and class of the first entry that fits each.

    What a job has already is kept; a job that no entry fits has none.

    Args:
        rows: Rows of a raw_job__ table with the columns flexibility_tier and job_class.
        tiers: Entries, in the file's order.

    Raises:
        ConfigurationError: The rows have no such columns.

    Examples:
        >>> rows = pl.DataFrame({"job_id": ["1", "2"], "partition_name": ["train-a", "infer"],
        ...     "flexibility_tier": [None, None], "job_class": [None, None]})
        >>> tier = Tier(flexibility_tier=2, job_class="training", partition_name=("train*",))
        >>> with_tiers(rows, [tier])["flexibility_tier"].to_list()
        [2, None]
    """
    if not {"flexibility_tier", "job_class"} <= set(rows.columns):
        raise ConfigurationError(
            thing="the file of tiers",
            expected="jobs with a flexibility tier: placements or accounting",
            found="readings, which have none",
            remedy="leave out --tiers, or import the jobs' accounting",
        )
    entries = list(tiers)
    fitting = [
        next((tier for tier in entries if tier.fits(job)), None)
        for job in rows.iter_rows(named=True)
    ]
    kinds = schema("raw_job__accounting")
    found = {
        name: pl.Series([tier and getattr(tier, name) for tier in fitting], dtype=kinds[name])
        for name in ("flexibility_tier", "job_class")
    }
    return rows.with_columns(
        pl.coalesce(pl.col(name).cast(kinds[name]), pl.lit(values)).alias(name)
        for name, values in found.items()
    )
