"""``negawatt gain``: what a card's own sensor reads beside a meter, as a signed record.

Not here: the fit and the record (negawatt.models.metering), and applying it (negawatt.pipelines).
"""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.options import JsonOption, PassphraseOption
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.gain import GainDocument, GainFit, fit_gain
from negawatt.models.metering.gain_document import encode_gain, sign_gain
from negawatt.pipelines.exports.keys import read_passphrase, read_private_key
from negawatt.warehouse.layout import appearing_file

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _gain() -> None:
    """Measure how much of each watt a card's own sensor reads, and sign it."""


@app.command()
def fit(  # noqa: PLR0917 - one argument for each option
    runs: Annotated[Path, typer.Argument(help="CSV with reading_j and truth_j of each run.")],
    record: Annotated[Path, typer.Argument(help="Where the record goes; beside it, its .sig.")],
    gpu_uuid: Annotated[str, typer.Option(help="The card, as the driver names it.")],
    driver_version: Annotated[str, typer.Option(help="The driver it was read with.")],
    measured_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="When.")],
    meter: Annotated[str, typer.Option(help="What measured the truth, and where.")],
    key: Annotated[Path, typer.Option(help="Private key that signs: `negawatt keys new`.")],
    passphrase_file: PassphraseOption = None,
    json_output: JsonOption = False,
) -> None:
    """Fit a card's gain to runs beside a meter, and write it as a signed record.

    Whoever registers the printed public key in the site's gain_keys, and imports the record with
    `negawatt import gains`, has the card's energy corrected by it.

    Example: negawatt gain fit runs.csv a100.json --gpu-uuid GPU-1 --driver-version 535.54
    --measured-on 2026-07-01 --meter "class 0.2 at the supply" --key lab.pem
    """
    private = read_private_key(key, read_passphrase(passphrase_file) if passphrase_file else None)
    document = GainDocument(
        gpu_uuid=gpu_uuid,
        driver_version=driver_version,
        measured_on=date(measured_on.year, measured_on.month, measured_on.day),
        meter=meter,
        fit=_fitted(runs),
    )
    content = encode_gain(document)
    for path, data in (
        (record.with_name(f"{record.name}.sig"), sign_gain(content, private)),
        (record, content),
    ):
        with appearing_file(path) as temporary:
            temporary.write_bytes(data)
    found = document.fit
    facts = {
        "gain_ratio": found.gain_ratio,
        "lower_ratio": found.lower_ratio,
        "upper_ratio": found.upper_ratio,
        "run_count": found.run_count,
        "public_key": private.public_key().public_bytes_raw().hex(),
        "record": str(record),
    }
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    for name, value in facts.items():
        typer.echo(f"{name:11}  {value}")


def _fitted(runs: Path) -> GainFit:
    try:
        rows = pl.read_csv(runs)
        energies = [rows[name].cast(pl.Float64).to_numpy() for name in ("reading_j", "truth_j")]
        return fit_gain(*energies)
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise DataRefusedError(
            thing=f"runs {runs}",
            expected="columns reading_j and truth_j with the energies of two runs or more",
            found=str(error),
            remedy="write one line for each run, in joules",
        ) from error
