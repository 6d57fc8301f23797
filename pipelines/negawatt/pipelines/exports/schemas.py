"""The JSON Schemas that the project publishes, written from the code that writes the documents.

Not here: how a schema is made of columns (json_tables.py).
"""

import json

from negawatt.pipelines.exports.export import EVENT_FORMAT
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS, PORTFOLIO_COLUMNS
from negawatt.pipelines.exports.json_tables import statement_schema, tables_schema
from negawatt.pipelines.exports.portfolio_tables import PORTFOLIO_FORMAT


def schema_files() -> dict[str, str]:
    """Return the text of every published schema by its file's name."""
    schemas = {
        "statement": statement_schema(),
        EVENT_FORMAT: tables_schema(EVENT_FORMAT, EVENT_COLUMNS),
        PORTFOLIO_FORMAT: tables_schema(PORTFOLIO_FORMAT, PORTFOLIO_COLUMNS),
    }
    return {
        f"{name}.schema.json": f"{json.dumps(made, indent=1, sort_keys=True)}\n"
        for name, made in schemas.items()
    }
