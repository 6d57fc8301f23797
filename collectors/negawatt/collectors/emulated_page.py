"""Pages as NVIDIA's DCGM exporter prints them, of GPUs that are given.

For tests, benchmarks and the demonstration. Not here: what the GPUs do, and serving the pages
(negawatt.collectors.emulator).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from negawatt.models.domain.units import MILLIWATT_PER_W


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedGpu:
    """What an exporter shows of one GPU; a value of None leaves its line out.

    Attributes:
        gpu_uuid: The driver's identity.
        index: Position in the node, from 0.
        model_name: The product.
        host_name: The node's name for itself.
        driver_version: The driver.
        pci_bus_id: Where the GPU sits.
        power_milliwatt: Power [mW], printed in watts.
        energy_total_millijoule: Energy counter [mJ].
        power_limit_milliwatt: Enforced limit [mW], printed in watts.
        gpu_util_ratio: Share of time with work, 0 to 1, printed as a percentage.
        gpu_temperature_c: Temperature [degree Celsius].
        more_labels: Labels at the end of each line, as text: ``pod="p",namespace="n"``. A GPU that
            several MIG instances, pods or jobs share is given once for each.
        other_counters: Whether to print the rest of the exporter's default counters too.
    """

    gpu_uuid: str
    index: int = 0
    model_name: str = "NVIDIA H100 80GB HBM3"
    host_name: str = "node"
    driver_version: str = "580.105.08"
    pci_bus_id: str = "00000000:31:00.0"
    power_milliwatt: int | None = None
    energy_total_millijoule: int | None = None
    power_limit_milliwatt: int | None = None
    gpu_util_ratio: float | None = None
    gpu_temperature_c: int | None = None
    more_labels: str = ""
    other_counters: bool = False


def _watt_text(milliwatt: int | None) -> str | None:
    """Print milliwatt in watt with six decimals, exactly; None stays None."""
    if milliwatt is None:
        return None
    whole, rest = divmod(milliwatt, MILLIWATT_PER_W)
    return f"{whole}.{rest:03d}000"


def _plain_text(value: float | None) -> str | None:
    return None if value is None else str(round(value))


# Name, type, help as the exporter's default counter file words them, and how a GPU's value prints.
_FAMILIES: Final[tuple[tuple[str, str, str, Callable[[EmulatedGpu], str | None]], ...]] = (
    (
        "DCGM_FI_DEV_GPU_TEMP",
        "gauge",
        "GPU temperature (in C).",
        lambda gpu: _plain_text(gpu.gpu_temperature_c),
    ),
    (
        "DCGM_FI_DEV_POWER_USAGE",
        "gauge",
        "Power draw (in W).",
        lambda gpu: _watt_text(gpu.power_milliwatt),
    ),
    (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Total energy consumption since boot (in mJ).",
        lambda gpu: _plain_text(gpu.energy_total_millijoule),
    ),
    (
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
        "gauge",
        "Effective power limit (in W).",
        lambda gpu: _watt_text(gpu.power_limit_milliwatt),
    ),
    (
        "DCGM_FI_DEV_GPU_UTIL",
        "gauge",
        "GPU utilization (in %).",
        lambda gpu: _plain_text(None if gpu.gpu_util_ratio is None else gpu.gpu_util_ratio * 100),
    ),
)

# The rest of the exporter's default counter file (etc/default-counters.csv), with values as a busy
# GPU shows them; nothing reads them, but they are most of a page. Some move with the energy.
_OTHER_COUNTERS: Final[tuple[tuple[str, str, str, Callable[[int], str]], ...]] = (
    ("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz).", lambda _energy: "1980"),
    ("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock frequency (in MHz).", lambda _energy: "2619"),
    (
        "DCGM_FI_DEV_MEMORY_TEMP",
        "gauge",
        "Memory temperature (in C).",
        lambda energy: str(70 + energy % 9),
    ),
    (
        "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
        "counter",
        "Total number of PCIe retries.",
        lambda _energy: "0",
    ),
    (
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "gauge",
        "Memory utilization (in %).",
        lambda energy: str(energy % 101),
    ),
    ("DCGM_FI_DEV_ENC_UTIL", "gauge", "Encoder utilization (in %).", lambda _energy: "0"),
    ("DCGM_FI_DEV_DEC_UTIL", "gauge", "Decoder utilization (in %).", lambda _energy: "0"),
    ("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB).", lambda _energy: "9791"),
    ("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB).", lambda _energy: "71315"),
    (
        "DCGM_FI_DEV_FB_RESERVED",
        "gauge",
        "Framebuffer memory reserved (in MiB).",
        lambda _energy: "447",
    ),
    ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "gauge", "vGPU License status", lambda _energy: "0"),
    (
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "counter",
        "Number of remapped rows for uncorrectable errors",
        lambda _energy: "0",
    ),
    (
        "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
        "counter",
        "Number of remapped rows for correctable errors",
        lambda _energy: "0",
    ),
    (
        "DCGM_FI_DEV_ROW_REMAP_FAILURE",
        "gauge",
        "Whether remapping of rows has failed",
        lambda _energy: "0",
    ),
    (
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "gauge",
        "Ratio of time the graphics engine is active.",
        lambda energy: f"0.9{energy % 99_991:05d}",
    ),
    (
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "gauge",
        "Ratio of cycles the tensor (HMMA) pipe is active.",
        lambda energy: f"0.4{energy % 99_991:05d}",
    ),
    (
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "gauge",
        "Ratio of cycles the device memory interface is active sending or receiving data.",
        lambda energy: f"0.4{energy % 99_991:05d}",
    ),
    (
        "DCGM_FI_PROF_PCIE_TX_BYTES",
        "gauge",
        (
            "The rate of data transmitted over the PCIe bus - including both protocol headers "
            "and data payloads - in bytes per second."
        ),
        lambda energy: str(4_791_810 + energy % 99_991),
    ),
    (
        "DCGM_FI_PROF_PCIE_RX_BYTES",
        "gauge",
        (
            "The rate of data received over the PCIe bus - including both protocol headers "
            "and data payloads - in bytes per second."
        ),
        lambda energy: str(6_935_930 + energy % 99_991),
    ),
)


def render_page(gpus: Sequence[EmulatedGpu]) -> bytes:
    """Return an exporter page: for each metric HELP, TYPE and a line for each GPU that has it.

    Examples:
        >>> gpu = EmulatedGpu(gpu_uuid="GPU-1", power_milliwatt=68_244)
        >>> print(render_page([gpu]).decode().splitlines()[1])
        # TYPE DCGM_FI_DEV_POWER_USAGE gauge
        >>> render_page([gpu]).decode().splitlines()[2].rpartition(" ")[2]
        '68.244000'
    """
    labels = [_labels(gpu) for gpu in gpus]
    families = [
        (name, kind, help_text, [value(gpu) for gpu in gpus])
        for name, kind, help_text, value in _FAMILIES
    ]
    families += [
        (
            name,
            kind,
            help_text,
            [
                text(gpu.energy_total_millijoule or 0) if gpu.other_counters else None
                for gpu in gpus
            ],
        )
        for name, kind, help_text, text in _OTHER_COUNTERS
    ]
    return "".join(_family(*family, labels) for family in families).encode()


def _family(
    name: str, kind: str, help_text: str, texts: Sequence[str | None], labels: Sequence[str]
) -> str:
    lines = [
        f"{name}{{{label}}} {text}\n"
        for label, text in zip(labels, texts, strict=True)
        if text is not None
    ]
    head = [f"# HELP {name} {help_text}\n", f"# TYPE {name} {kind}\n"]
    return "".join(head + lines) if lines else ""


def _labels(gpu: EmulatedGpu) -> str:
    return (
        f'gpu="{gpu.index}",UUID="{gpu.gpu_uuid}",pci_bus_id="{gpu.pci_bus_id}",'
        f'device="nvidia{gpu.index}",modelName="{gpu.model_name}",Hostname="{gpu.host_name}",'
        f'DCGM_FI_DRIVER_VERSION="{gpu.driver_version}"'
        + (f",{gpu.more_labels}" if gpu.more_labels else "")
    )
