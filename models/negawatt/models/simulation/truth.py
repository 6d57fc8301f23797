"""What only a simulation knows, as tables: both worlds, and why they differ.

Here: the truth without instruments. No method may read it; it is what methods are scored against.
Not here: what an operator would have (negawatt.models.simulation.fleet_folder).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.mechanisms import Mechanism, mechanism_w
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.table_parts import INSTANT, instants, known_jobs, minutes, text

_NO_MECHANISMS: Final = pl.DataFrame(
    schema={"ts": INSTANT, "job_id": pl.String, "mechanism": pl.String, "gpu_kw": pl.Float64}
)


def truth_frames(record: HallRecord) -> dict[str, pl.DataFrame]:
    """Return the tables of the truth, by file name without its ending.

    Returns:
        ``site``: ts, site_kw, site_kw_without_event, gpu_kw, gpu_kw_without_event, minute by
        minute, what the site's equipment draws: a battery is not in it. ``jobs``: job_id, start,
        end, start_without_event, end_without_event. ``mechanisms``: ts, job_id, mechanism,
        gpu_kw for each minute of the last event's window and each job that draws another power
        because of the event; its sum is the GPUs' reduction.
    """
    return {
        "site": truth_frame(record),
        "jobs": _jobs(record),
        "mechanisms": _mechanisms(record),
    }


def truth_frame(record: HallRecord) -> pl.DataFrame:
    """Return the site minute by minute in both worlds."""
    return pl.DataFrame(
        {
            "ts": minutes(record),
            "site_kw": record.load.site_kw,
            "site_kw_without_event": record.load_without_event.site_kw,
            "gpu_kw": record.load.gpu_kw,
            "gpu_kw_without_event": record.load_without_event.gpu_kw,
        }
    )


def truth_summary(record: HallRecord) -> Mapping[str, object]:
    """Return the figures of the last event's window that a score needs, means over it.

    ``gpu_kw_by_mechanism`` sums to ``gpu_reduction_kw``; the rest of the site's reduction is
    hosts, losses and cooling. All are None where the plan has no event.
    """
    if not record.plan.events:
        return {"event_id": None, "site_reduction_kw": None}
    event = record.plan.events[-1]
    during = record.minutes_in(event.window)
    elsewhere_kw = None
    if record.second_site_kw is not None and record.second_site_kw_without_event is not None:
        rise_kw = record.second_site_kw - record.second_site_kw_without_event
        elsewhere_kw = float(rise_kw[during].mean())
    gpu_kw = record.load_without_event.gpu_kw[during] - record.load.gpu_kw[during]
    return {
        "event_id": event.event_id,
        "site_kw_without_event": float(record.load_without_event.site_kw[during].mean()),
        "site_reduction_kw": float(record.true_reduction_kw(event.window).mean()),
        "gpu_reduction_kw": float(gpu_kw.mean()),
        "gpu_kw_by_mechanism": _by_mechanism_kw(record, event),
        "storage_kw": float(record.storage_kw[during].mean()),
        "rise_elsewhere_kw": elsewhere_kw,
        "holds_logged": record.plan.log_holds,
    }


def _by_mechanism_kw(record: HallRecord, event: HallEvent) -> dict[str, float]:
    total_kw = dict.fromkeys((mechanism.value for mechanism in Mechanism), 0.0)
    for (_, mechanism), reduction_w in mechanism_w(record, event).items():
        total_kw[mechanism.value] += float(reduction_w.mean()) / W_PER_KW
    return total_kw


def _jobs(record: HallRecord) -> pl.DataFrame:
    known = known_jobs(record)
    runs = [record.world.runs[index] for index in known]
    runs_without = [record.world_without_event.runs[index] for index in known]
    return pl.DataFrame(
        {
            "job_id": text(record.jobs[index].job_id for index in known),
            "start": instants(record, [run.start_s for run in runs]),
            "end": instants(record, [run.end_s for run in runs]),
            "start_without_event": instants(record, [run.start_s for run in runs_without]),
            "end_without_event": instants(record, [run.end_s for run in runs_without]),
        }
    )


def _mechanisms(record: HallRecord) -> pl.DataFrame:
    frames = [_NO_MECHANISMS]
    for event in record.plan.events[-1:]:
        first_s = record.plan.second_of(event.window.start_utc)
        for (index, mechanism), reduction_w in mechanism_w(record, event).items():
            changed = np.flatnonzero(reduction_w)
            frames.append(
                _mechanism_rows(
                    record, index, mechanism, first_s + changed * S_PER_MINUTE, reduction_w[changed]
                )
            )
    return pl.concat(frames).sort("ts", "job_id", maintain_order=True)


def _mechanism_rows(
    record: HallRecord,
    index: int,
    mechanism: Mechanism,
    at_s: NDArray[np.int64],
    reduction_w: NDArray[np.float64],
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ts": instants(record, at_s),
            "job_id": text([record.jobs[index].job_id] * len(at_s)),
            "mechanism": text([mechanism.value] * len(at_s)),
            "gpu_kw": reduction_w / W_PER_KW,
        }
    )
