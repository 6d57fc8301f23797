import asyncio

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator


def test_a_page_is_written_as_the_exporter_writes_it() -> None:
    """Watts have six decimals, integers none; 85 % is 0.85; a value of None has no line."""
    gpu = EmulatedGpu(
        gpu_uuid="GPU-a",
        index=1,
        model_name="NVIDIA L4",
        host_name="n1",
        pci_bus_id="00000000:31:00.0",
        driver_version="580.105.08",
        power_milliwatt=16_365,
        energy_total_millijoule=4_742_776,
        gpu_util_ratio=0.85,
    )
    labels = (
        '{gpu="1",UUID="GPU-a",pci_bus_id="00000000:31:00.0",device="nvidia1",'
        'modelName="NVIDIA L4",Hostname="n1",DCGM_FI_DRIVER_VERSION="580.105.08"}'
    )

    page = render_page([gpu]).decode()

    assert page == (
        "# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).\n"
        "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\n"
        f"DCGM_FI_DEV_POWER_USAGE{labels} 16.365000\n"
        "# HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy consumption since boot (in mJ).\n"
        "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n"
        f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{labels} 4742776\n"
        "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).\n"
        "# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n"
        f"DCGM_FI_DEV_GPU_UTIL{labels} 85\n"
    )


def test_a_counter_above_what_a_float_counts_is_printed_exactly() -> None:
    """2^53 + 1 mJ has no float."""
    page = render_page([EmulatedGpu(gpu_uuid="GPU-a", energy_total_millijoule=2**53 + 1)])

    assert page.endswith(b" 9007199254740993\n")


def test_a_rendered_page_is_valid_for_the_reference_parser() -> None:
    gpus = [EmulatedGpu(gpu_uuid=f"GPU-{n}", index=n, power_milliwatt=n) for n in range(3)]

    families = list(text_string_to_metric_families(render_page(gpus).decode()))

    assert [sample.labels["UUID"] for sample in families[0].samples] == ["GPU-0", "GPU-1", "GPU-2"]


def test_each_target_has_its_page_and_unknown_ones_have_none() -> None:
    pages = {"n1": b"a 1\n", "n2": b"b 2\n"}

    async def get_all() -> list[tuple[int, bytes]]:
        async with (
            Emulator(pages.__getitem__) as emulator,
            aiohttp.ClientSession() as session,
        ):
            answers = []
            for name in ("n1", "n2", "n3"):
                async with session.get(emulator.url(name)) as response:
                    answers.append((response.status, await response.read()))
            return answers

    assert asyncio.run(get_all()) == [(200, b"a 1\n"), (200, b"b 2\n"), (404, b"no such target")]
