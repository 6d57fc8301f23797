"""Readings as CSV with the profile that reads them, and as Parquet, which needs none.

Not here: reading either (negawatt.warehouse.profiles, negawatt.warehouse.import_files).
"""

import io

import polars as pl

_PROFILE = b"""\
# Reads the CSV file of the same name: negawatt import meter FILE --site SITE --profile THIS
table = "raw_meter__readings"
start_column = "interval_start_utc"
end_column = "interval_end_utc"
value_column = "energy_kwh"
value_unit = "kWh"
quality_column = "reading_quality"
entity_column = "meter_id"
"""


def write_readings_csv(rows: pl.DataFrame) -> tuple[bytes, bytes]:
    """Return readings as CSV, and the profile that imports them unchanged.

    An empty energy is not known; a number has the fewest digits that read back as the same float.

    Args:
        rows: Rows of raw_meter__readings.
    """
    text = rows.sort("meter_id", "interval_start_utc").write_csv(
        datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ"
    )
    return text.encode(), _PROFILE


def write_readings_parquet(rows: pl.DataFrame) -> bytes:
    """Return readings as a Parquet file with the columns of the raw table."""
    buffer = io.BytesIO()
    rows.sort("meter_id", "interval_start_utc").write_parquet(buffer)
    return buffer.getvalue()
