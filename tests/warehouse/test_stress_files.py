from datetime import UTC, datetime

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.price_files import series_name
from negawatt.warehouse.stress_files import StressProfile, stress_rows

PROFILE = StressProfile(
    table="raw_grid__stress", series_id="LOR", start_column="from", level_column="level"
)
SOURCE = pl.DataFrame({"from": ["2026-07-01T20:00:00Z"], "level": [" LOR2 "], "n": ["2"]})
NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)


def test_a_level_without_a_list_of_words_is_kept_as_it_stands() -> None:
    row = stress_rows(PROFILE, SOURCE, NOW_UTC).row(0, named=True)

    assert (row["series_id"], row["stress_level"], row["stress_value"]) == ("LOR", "LOR2", None)
    assert row["interval_end_utc"] is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"level_column": None}, "value_column or level_column"),
        ({"value_column": "n"}, "unit exactly where there is value_column"),
        ({"unit": "MW"}, "unit exactly where there is value_column"),
        ({"end_column": "from", "interval_minutes": 5}, "at most one of end_column and interval"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(
    change: dict[str, object], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        stress_rows(PROFILE.model_copy(update=change), SOURCE, NOW_UTC)


def test_a_template_with_an_open_brace_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a template with columns in braces"):
        series_name("CAISO {NODE", None)
