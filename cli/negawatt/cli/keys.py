"""``negawatt keys``: keys to sign bundles with, and to give names in them others.

Not here: the files (negawatt.pipelines.exports.keys).
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import JsonOption, PassphraseOption

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _keys() -> None:
    """Make keys to sign evidence bundles with, and for the pseudonyms in them."""


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="File of the private key; must not exist.")],
    passphrase_file: PassphraseOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write a new Ed25519 key pair as PEM: NAME.pem, for its owner only, and NAME.pub.pem.

    Give the public file to whoever verifies; keep the private one. It is encrypted where a
    passphrase file is given.

    Example: negawatt keys new site.pem
    """
    from negawatt.models.settlement.bundle.signatures import (  # noqa: PLC0415 - an extra
        key_id,
    )
    from negawatt.pipelines.exports.keys import new_key_pair, read_passphrase  # noqa: PLC0415 - as above

    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    public_path, key = new_key_pair(path, passphrase)
    facts = {"key_id": key_id(key), "private": str(path), "public": str(public_path)}
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    for name, value in facts.items():
        typer.echo(f"{name:8}  {value}")


@app.command()
def pseudonyms(
    path: Annotated[Path, typer.Argument(help="File of the key; must not exist.")],
) -> None:
    """Write a new key for pseudonyms, for its owner only.

    It stays with the operator: whoever has it can tell which name stands for which. With the same
    key a job, tenant, node or GPU has the same other name in every bundle.

    Example: negawatt keys pseudonyms names.key
    """
    from negawatt.pipelines.exports.keys import new_pseudonym_key  # noqa: PLC0415 - an extra

    new_pseudonym_key(path)
    typer.echo(f"key       {path}")
