"""``negawatt verify``: is a bundle whole, signed, and does its statement follow from its inputs?

Not here: the checks (negawatt.models.settlement.bundle). Needs no warehouse and no network.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import JsonOption
from negawatt.models.domain.errors import DataRefusedError


def verify(
    bundle: Annotated[Path, typer.Argument(help="File to verify.")],
    trust: Annotated[
        list[Path] | None, typer.Option(help="Public key (PEM) that must have signed it; repeat.")
    ] = None,
    earlier: Annotated[
        list[Path] | None, typer.Option(help="Bundle that it may follow; repeat.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Recompute a statement from its bundle and check every digest, signature and byte.

    Exit code 0 only if all of it agrees; 4 where anything differs or cannot be recomputed, with
    the first difference: where, what the bundle states, what was computed.

    Example: negawatt verify srp-hold.zip --trust site.pub.pem
    """
    from negawatt.models.settlement.bundle.verify import verify_bundle  # noqa: PLC0415 - large
    from negawatt.pipelines.exports.bundle_files import open_file, read_bundle  # noqa: PLC0415 - as above
    from negawatt.pipelines.exports.keys import read_public_key  # noqa: PLC0415 - as above

    found = verify_bundle(
        read_bundle(bundle),
        trusted=[read_public_key(path) for path in trust or []],
        earlier=[open_file(path) for path in earlier or []],
    )
    statement = found.statement
    if json_output:
        facts = {
            "agrees": not found.failures,
            "bundle_digest": found.bundle_digest,
            "statement_id": statement.body.statement_id if statement else None,
            "statement_version": statement.statement_version if statement else None,
            "statement_digest": statement.statement_digest if statement else None,
            "checks": [
                {"name": one.name, "outcome": one.outcome, "detail": one.detail}
                for one in found.checks
            ],
        }
        typer.echo(json.dumps(facts, sort_keys=True))
    else:
        for check in found.checks:
            typer.echo(f"{check.name:<15} {check.outcome:<17} {check.detail}")
    for check in found.failures:
        raise DataRefusedError(
            thing=f"bundle {str(bundle)!r}",
            expected="every digest, signature and number to agree",
            found=f"{check.name} {check.outcome}: {check.detail}",
            remedy="do not rely on it; ask who issued it",
        )
