from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.job_tiers import read_tiers, with_tiers

TIERS = """
[[tier]]
account_name = ["safety"]
flexibility_tier = 0

[[tier]]
partition_name = ["train*", "tune"]
job_name = ["*"]
flexibility_tier = 3
job_class = "training"
"""


def tiers_file(folder: Path, text: str = TIERS) -> Path:
    (folder / "tiers.toml").write_text(text, encoding="utf-8")
    return folder / "tiers.toml"


def jobs(**columns: list[object]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return pl.DataFrame({"flexibility_tier": [None] * count, "job_class": [None] * count} | columns)


def test_the_first_entry_of_which_all_patterns_fit_decides(tmp_path: Path) -> None:
    rows = jobs(
        job_name=["a", "b", "c", "d"],
        account_name=["safety", "ml", "ml", None],
        partition_name=["train-1", "train-1", "infer", "tune"],
    )

    found = with_tiers(rows, read_tiers(tiers_file(tmp_path)))

    assert found["flexibility_tier"].to_list() == [0, 3, None, 3]
    assert found["job_class"].to_list() == [None, "training", None, "training"]


def test_what_a_job_has_already_is_kept(tmp_path: Path) -> None:
    rows = jobs(job_name=["a"], partition_name=["tune"], flexibility_tier=[1])

    found = with_tiers(rows, read_tiers(tiers_file(tmp_path)))

    assert found.select("flexibility_tier", "job_class").row(0) == (1, "training")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[[tier]]\n", "flexibility_tier"),
        ("[[tier]]\nflexibility_tier = 4\n", "flexibility_tier"),
        ('[[tier]]\nflexibility_tier = 1\nuser = ["a"]\n', "user"),
        ("tier = 3", "tier"),
        ("[", "TOML"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(text: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=key):
        read_tiers(tiers_file(tmp_path, text))


def test_readings_have_no_tier(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leave out --tiers"):
        with_tiers(pl.DataFrame({"job_id": ["1"]}), read_tiers(tiers_file(tmp_path)))
