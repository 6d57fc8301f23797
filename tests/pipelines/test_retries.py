"""Steps are tried again after trouble of the machine, and not after a refusal."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import dagster as dg
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.pipelines import retries
from negawatt.pipelines.retries import BY_A_COMMAND, again_after_trouble_of_the_machine

pytestmark = pytest.mark.slow  # importing Dagster takes seconds


def refused() -> None:
    raise DataRefusedError(thing="day", expected="readings", found="none", remedy="import them")


def full_disk() -> None:
    raise OSError("No space left on device")


def killed_worker() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(os.abort).result()


@pytest.mark.parametrize(
    ("trouble", "troubles", "tags", "tries", "succeeds"),
    [
        (full_disk, 0, {}, 1, True),
        (full_disk, 3, {}, 4, True),
        (full_disk, 9, {}, 4, False),
        (full_disk, 9, BY_A_COMMAND, 1, False),
        (killed_worker, 1, {}, 2, True),
        (refused, 9, {}, 1, False),
    ],
)
def test_a_step_is_tried_three_times_again_after_trouble_of_the_machine_only(
    trouble: Callable[[], None],
    troubles: int,
    tags: dict[str, str],
    tries: int,
    succeeds: bool,  # noqa: FBT001 - a column of the table above
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0)
    seen = []

    @dg.asset
    def table(context: dg.AssetExecutionContext) -> None:
        seen.append(context.retry_number)
        with again_after_trouble_of_the_machine(context):
            if len(seen) <= troubles:
                trouble()

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        ran = dg.materialize([table], instance=instance, raise_on_error=False, tags=tags)

    assert (seen, ran.success) == (list(range(tries)), succeeds)


def test_the_waits_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """30, 60 and 120 s: three and a half minutes in all."""
    waits_s = []
    for number in range(retries.MAX_RETRIES):
        context = dg.build_asset_context()
        monkeypatch.setattr(type(context), "retry_number", number, raising=False)
        monkeypatch.setattr(
            type(context), "run", dg.DagsterRun(job_name="daily_metering"), raising=False
        )
        with (
            pytest.raises(dg.RetryRequested) as asked,
            again_after_trouble_of_the_machine(context),
        ):
            full_disk()
        waits_s.append(asked.value.seconds_to_wait)

    assert waits_s == [30, 60, 120]
