"""Whether every published statement is whole, and follows from the one before.

Not here: files and rows (negawatt.warehouse.upkeep).
"""

from collections.abc import Iterator

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.chain import require_chain
from negawatt.pipelines.publish import all_versions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.statement_tables import newest_statements_json


def broken_statements(layout: Layout) -> Iterator[NegawattError]:
    """Yield an error for every statement whose versions are not one whole chain."""
    for statement_id in sorted(newest_statements_json(layout)):
        try:
            require_chain(all_versions(layout, statement_id))
        except NegawattError as error:
            yield error
