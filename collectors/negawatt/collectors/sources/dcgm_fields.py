"""Names on a DCGM exporter's page, old and new, as tables.

Here: metrics, and the labels that say which GPU, which host and which job. Not here: values and
pages (dcgm_page).
"""

from collections.abc import Mapping
from typing import Final

from negawatt.collectors.sources.protocol import GpuIdentity

# Numeric fields of dcgm_fields.h; names change, numbers do not.
POWER, ENERGY, POWER_INSTANT, POWER_LIMIT = 155, 156, 157, 164

# DCGM 4.6 renamed the macros; exporters before 2.0 wrote lower case; Prometheus clients add
# `_total` to a counter that is read back.
FIELD_OF_NAME: Final[Mapping[str, int]] = {
    "DCGM_FI_DEV_POWER_USAGE": POWER,
    "DCGM_FI_DEV_BOARD_POWER_WATTS": POWER,
    "dcgm_power_usage": POWER,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ENERGY,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total": ENERGY,
    "dcgm_total_energy_consumption": ENERGY,
    "DCGM_FI_DEV_POWER_USAGE_INSTANT": POWER_INSTANT,
    "DCGM_FI_DEV_BOARD_POWER_RAW_WATTS": POWER_INSTANT,
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": POWER_LIMIT,
    "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS": POWER_LIMIT,
}

# As the exporter writes pods, and as exporters before 2.0 did.
_POD_LABELS = (("namespace", "pod"), ("pod_namespace", "pod_name"))
_SLURM_LABEL = "hpc_job"
# Prometheus adds `instance`, and puts this before labels of the page that it has itself.
_PROMETHEUS_LABEL = "instance"
_READ_BACK = "exported_"


def gpu_uuid_of(labels: Mapping[str, str]) -> str | None:
    """Return the UUID that labels state, in the spelling of any exporter."""
    return labels.get("UUID") or labels.get("uuid")


def identity_of(uuid: str, labels: Mapping[str, str]) -> GpuIdentity:
    """Return what labels say of a GPU."""
    return GpuIdentity(
        gpu_uuid=uuid,
        model_name=labels.get("modelName"),
        driver_version=labels.get("DCGM_FI_DRIVER_VERSION"),
        host_name=labels.get("Hostname") or labels.get("hostname"),
    )


def job_of(labels: Mapping[str, str]) -> str | None:
    """Return the job that labels say holds the GPU, as its scheduler names it.

    A Slurm job is its number; a pod is ``namespace/pod``. Where both are named, Slurm runs inside
    the pod and its job is the work. Labels without a value name nothing. On a page that was read
    back from Prometheus, pod labels may be those of the exporter's own pod: there only renamed
    ones count.

    Examples:
        >>> job_of({"hpc_job": "17"}), job_of({"namespace": "ml", "pod": "train-0"}), job_of({})
        ('17', 'ml/train-0', None)
    """
    if job := labels.get(_READ_BACK + _SLURM_LABEL) or labels.get(_SLURM_LABEL):
        return job
    prefixes = (_READ_BACK,) if _PROMETHEUS_LABEL in labels else (_READ_BACK, "")
    for prefix in prefixes:
        for namespace, pod in _POD_LABELS:
            if labels.get(prefix + pod):
                return f"{labels.get(prefix + namespace, '')}/{labels[prefix + pod]}"
    return None
