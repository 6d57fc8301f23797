"""``negawatt bundle``: the evidence of an event's newest statement as one file.

Not here: what a bundle holds (negawatt.models.settlement.bundle).
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, PassphraseOption, WarehouseOption
from negawatt.collectors.clock import SystemClock
from negawatt.warehouse.layout import Layout


class Inputs(StrEnum):
    """What of the inputs lies in a bundle."""

    FILES = "files"
    DIGESTS = "digests"


def bundle(
    event: Annotated[str, typer.Argument(help="A settled event.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="File to write; by default below the warehouse's bundles.")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    sign: Annotated[
        list[Path] | None, typer.Option(help="Private key (PEM) to sign with; repeat.")
    ] = None,
    passphrase_file: PassphraseOption = None,
    after: Annotated[
        Path | None, typer.Option(help="Bundle that this one follows; its digest is signed too.")
    ] = None,
    pseudonymize: Annotated[
        Path | None,
        typer.Option(help="Key that replaces names of jobs, tenants, nodes and GPUs."),
    ] = None,
    inputs: Annotated[
        Inputs, typer.Option(help="Inputs as files, or their digests only.")
    ] = Inputs.FILES,
    json_output: JsonOption = False,
) -> None:
    """Write the newest statement of an event with everything it was computed from, as one file.

    The bundle is an ordinary ZIP file with a README. Its own inputs are settled again before it is
    written; what does not recompute is refused. The same statement gives the same bytes, signatures
    apart. With --pseudonymize the names of jobs, tenants, nodes and GPUs are replaced everywhere,
    and the bundle still recomputes.

    Example: negawatt bundle srp-hold --warehouse negawatt-data/phoenix --out srp-hold.zip
    """
    from negawatt.pipelines.exports.bundle import (  # noqa: PLC0415 - the models are large
        Wanted,
        write_bundle,
    )
    from negawatt.pipelines.exports.bundle_files import open_file  # noqa: PLC0415 - as above
    from negawatt.pipelines.exports.keys import (  # noqa: PLC0415 - as above
        read_passphrase,
        read_private_key,
        read_pseudonym_key,
    )

    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    wanted = Wanted(
        signed_at_utc=SystemClock().now_utc(),
        keys=tuple(read_private_key(path, passphrase) for path in sign or []),
        previous=open_file(after) if after else None,
        with_inputs=inputs is Inputs.FILES,
        pseudonym_key=read_pseudonym_key(pseudonymize) if pseudonymize else None,
    )
    written = write_bundle(Layout(warehouse), event, wanted, out)
    facts = {
        "bundle": str(written.path),
        "bundle_digest": written.bundle_digest,
        "size_bytes": written.size_bytes,
        "statement_id": written.statement.body.statement_id,
        "statement_version": written.statement.statement_version,
        "statement_digest": written.statement.statement_digest,
    }
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    for name, value in facts.items():
        typer.echo(f"{name:<17} {value}")
