import re
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel

from negawatt.collectors.config import CollectConfig, load_config
from negawatt.collectors.config_sections import AccessConfig, MeterFilesConfig, RedfishConfig
from negawatt.models.domain.errors import ConfigurationError

_VALID = """
site_id = "s1"
spool_directory = "spool"
[[dcgm]]
url = "http://n1:9400/metrics"
node_id = "n1"
"""


def _load(tmp_path: Path, text: str) -> CollectConfig:
    path = tmp_path / "collect.toml"
    path.write_text(text, "utf-8")
    return load_config(path)


def _uncommented(line: str) -> str:
    is_key = " = " in line and "node_id" not in line
    return line.removeprefix("# ") if is_key or line.startswith("# [") else line


def test_the_sample_loads_and_its_commented_values_are_the_defaults(tmp_path: Path) -> None:
    sample = files("negawatt.collectors").joinpath("sample.toml").read_text("utf-8")
    # Sections of access, shipping, controllers and meter files are examples.
    with_defaults = re.sub(r"# \[(\w+\.access|ship|\[\w+\])\]\n(# .*\n)+", "", sample)
    all_keys = "\n".join(map(_uncommented, with_defaults.splitlines()))

    as_printed = _load(tmp_path, sample)
    with_every_key = _load(tmp_path, all_keys)

    assert as_printed == with_every_key
    assert all_keys.count(" = ") > sample.count("\n[") + 6
    assert [target.node_id for target in as_printed.dcgm] == ["gpu-node-01", "gpu-node-02"]


@pytest.mark.parametrize("section", [AccessConfig, RedfishConfig, MeterFilesConfig])
def test_the_sample_names_every_key_of_its_examples(section: type[BaseModel]) -> None:
    sample = files("negawatt.collectors").joinpath("sample.toml").read_text("utf-8")

    assert all(f"# {key} = " in sample for key in set(section.model_fields) - {"access"})


def test_files_of_a_target_start_at_the_configurations_folder(tmp_path: Path) -> None:
    access = '\n[dcgm.access]\nca_file = "ca.pem"\nbearer_token_file = "/run/token"\n'

    target = _load(tmp_path, _VALID.replace("http:", "https:") + access).dcgm[0]

    assert target.access.ca_file == tmp_path / "ca.pem"
    assert target.access.bearer_token_file == Path("/run/token")


def test_reads_are_spread_over_what_the_timeout_leaves(tmp_path: Path) -> None:
    """1 s less 0.8 s."""
    config = _load(tmp_path, _VALID)

    assert config.spread_s == pytest.approx(0.2)


def test_a_relative_folder_starts_at_the_file(tmp_path: Path) -> None:
    assert _load(tmp_path, _VALID).spool_directory == tmp_path / "spool"
    assert _load(tmp_path, f'{_VALID}[ship]\nto = "out"').ship.to == str(tmp_path / "out")
    assert _load(tmp_path, f'{_VALID}[ship]\nto = "s3://b/p"').ship.to == "s3://b/p"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('site_id = "s1"', 'site_id = "s1"\nscrape_interval = 1', "scrape_interval'"),
        ('site_id = "s1"', 'site_id = "a/b"', "letters, digits"),
        ('site_id = "s1"', "", "site_id"),
        ('node_id = "n1"', 'node_id = "n1"\n[disk]\nthin_below_bytes = 1', "not above"),
        ('site_id = "s1"', 'site_id = "s1"\nrequest_timeout_s = 1.0', "shorter than"),
        ('site_id = "s1"', 'site_id = "s1"\nscrape_interval_s = 0.01', "greater than or equal"),
        ("http://n1:9400/metrics", "n1:9400/metrics", "http://"),
        ('node_id = "n1"', 'node_id = "n1"\n[nvml]\nenabled = true', "node_id"),
        (
            'node_id = "n1"',
            'node_id = "n1"\n[nvml]\nenabled = true\nnode_id = "n1"',
            "more than one",
        ),
        ("[[dcgm]]", "[[dgcm]]", "dgcm"),
        ('site_id = "s1"', 'site_id = "s1"\nscrape_spread_ratio = 1.1', "less than or equal"),
        ('node_id = "n1"', 'node_id = "n1"\naccess.bearer_token_file = "t"', "https://"),
        ('node_id = "n1"', 'node_id = "n1"\naccess.user = "u"', "password_file together"),
        ('node_id = "n1"', 'node_id = "n1"\naccess.client_key_file = "k"', "client_certificate"),
        ('node_id = "n1"', "node_id = ", "TOML"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_name(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        _load(tmp_path, _VALID.replace(old, new))
    assert caught.value.exit_code == 2


def test_a_configuration_without_targets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        _load(tmp_path, 'site_id = "s1"\nspool_directory = "spool"\n')


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can be read"):
        load_config(tmp_path / "none.toml")
