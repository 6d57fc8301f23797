"""``negawatt listen``: the sample, the check, and what a listener without a broker says."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from negawatt.cli.listen import app
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.dsx.config import (
    BmsConfig,
    BrokerConfig,
    DsxOAuthConfig,
    FlexConfig,
    KeyConfig,
    ListenConfig,
    load_listen_config,
)
from negawatt.collectors.oauth import OAuthConfig
from negawatt.collectors.openadr.config import (
    LevelConfig,
    OpenAdrConfig,
    ProgramConfig,
    VtnConfig,
    WebhookConfig,
    load_openadr_config,
)
from negawatt.collectors.openadr.config_two_b import (
    MarketConfig,
    TwoBConfig,
    TwoBVtnConfig,
    load_two_b_config,
)
from negawatt.models.domain.errors import ConfigurationError, DeviceMissingError
from tests.collectors.authority import Authority
from tests.collectors.dsx.senders import ISV, Sender

pytestmark = pytest.mark.slow  # listeners run

RUNNER = CliRunner()


def sample() -> str:
    return RUNNER.invoke(app, ["dsx-sample"]).stdout


def written(folder: Path, text: str) -> Path:
    path = folder / "dsx.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_sample_loads_and_its_commented_values_are_the_defaults(tmp_path: Path) -> None:
    """Only sections that show an example and no default stay commented."""
    text = sample()
    shown = re.sub(r"# \[(broker\.(access|oauth)|\[flex\.keys\])\]\n(# .*\n)+", "", text)
    with_defaults = re.sub(r"^# (?=(\w+ = |\[bms\]|    \"|\]))", "", shown, flags=re.MULTILINE)

    as_printed = load_listen_config(written(tmp_path, text))
    said = load_listen_config(written(tmp_path, with_defaults))

    assert said == as_printed


@pytest.mark.parametrize(
    "section",
    [ListenConfig, BrokerConfig, FlexConfig, KeyConfig, BmsConfig, AccessConfig, DsxOAuthConfig],
)
def test_the_sample_names_every_key(section: type[BaseModel]) -> None:
    named = set(re.findall(r"^(?:# )?(\w+) = ", sample(), re.MULTILINE))
    sections = {"broker", "flex", "bms", "access", "oauth", "keys"}

    assert set(section.model_fields) - sections <= named


def test_a_check_names_broker_topics_and_keys_and_hears_nothing(tmp_path: Path) -> None:
    Sender(ISV, "isv-1").write_key(tmp_path)
    key = f'[[flex.keys]]\nkey_id = "isv-1"\nsource = "{ISV}"\nfile = "isv-1.pub.pem"\n'
    path = written(tmp_path, sample() + key)

    text = RUNNER.invoke(app, ["dsx", str(path), "--check"])
    values = RUNNER.invoke(app, ["dsx", str(path), "--check", "--json"])

    assert "key isv-1 speaks for //grid/v1/isv/acme-energy" in text.stdout
    assert json.loads(values.stdout)["flex"]["feed_tag"] == "main-a"
    assert not (tmp_path / "negawatt-data").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (('client_id = "', 'client = "'), "client_id"),
        (("mqtt://127.0.0.1:1883", "http://127.0.0.1"), "mqtt://"),
        (('feed_tag = "main-a"', 'feed_tag = "main/a"'), "feed_tag"),
    ],
)
def test_a_configuration_that_breaks_a_rule_is_refused_with_its_key(
    tmp_path: Path, changed: tuple[str, str], said: str
) -> None:
    path = written(tmp_path, sample().replace(*changed))

    error = RUNNER.invoke(app, ["dsx", str(path), "--check"]).exception

    assert isinstance(error, ConfigurationError)
    assert said in str(error)
    assert "dsx-sample" in str(error)


def test_a_private_key_is_no_key_to_hold_signatures_against(tmp_path: Path) -> None:
    sender = Sender(ISV, "isv-1")
    (tmp_path / "private.pem").write_bytes(sender.private_pem)
    key = f'[[flex.keys]]\nkey_id = "isv-1"\nsource = "{ISV}"\nfile = "private.pem"\n'
    path = written(tmp_path, sample() + key)

    error = RUNNER.invoke(app, ["dsx", str(path), "--check"]).exception

    assert isinstance(error, ConfigurationError)
    assert "a private key" in str(error)


def test_a_broker_that_never_answers_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, sample().replace(":1883", ":9"))  # discard: nobody serves it

    result = RUNNER.invoke(app, ["dsx", str(path), "--duration-s", "0.3"])

    assert isinstance(result.exception, DeviceMissingError)
    assert "refused" in str(result.exception)
    assert result.stderr.count("no connection: ") == 1


def openadr_sample() -> str:
    return RUNNER.invoke(app, ["openadr-sample"]).stdout


def openadr_written(folder: Path, text: str) -> Path:
    path = folder / "openadr.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_openadr_sample_loads_and_its_commented_values_are_the_defaults(tmp_path: Path) -> None:
    """Only sections that show an example and no default stay commented."""
    text = openadr_sample()
    examples = r"(vtn\.oauth|vtn\.access|webhook|programs\.levels)"
    shown = re.sub(rf"# \[{examples}\]\n(# .*\n)+", "", text)
    shown = re.sub(r"# (?=(price|alert)_series)", "## ", shown)
    with_defaults = re.sub(r"^# (?=\w+ = )", "", shown, flags=re.MULTILINE)

    as_printed = load_openadr_config(openadr_written(tmp_path, text))
    said = load_openadr_config(openadr_written(tmp_path, with_defaults))

    assert said == as_printed


@pytest.mark.parametrize(
    "section", [OpenAdrConfig, VtnConfig, OAuthConfig, WebhookConfig, ProgramConfig, LevelConfig]
)
def test_the_openadr_sample_names_every_key(section: type[BaseModel]) -> None:
    named = set(re.findall(r"(?:^(?:# )?|\{ )(\w+) = ", openadr_sample(), re.MULTILINE))
    sections = {"vtn", "oauth", "access", "programs", "webhook", "levels"}

    assert set(section.model_fields) - sections <= named


def test_a_check_of_openadr_says_what_levels_ask_for_and_asks_nobody(tmp_path: Path) -> None:
    levels = "[programs.levels]\n1 = { target_reduction_ratio = 0.1 }\n"
    path = openadr_written(tmp_path, openadr_sample() + levels)

    text = RUNNER.invoke(app, ["openadr", str(path), "--check"])
    values = RUNNER.invoke(app, ["openadr", str(path), "--check", "--json"])

    assert "  level 1: target_reduction_ratio 0.1" in text.stdout
    assert json.loads(values.stdout)["programs"][0]["levels"]["1"]["committed_kw"] is None
    assert not (tmp_path / "negawatt-data").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (('client_name = "', 'client = "'), "client_name"),
        (("http://127.0.0.1:8080", "ftp://127.0.0.1"), "http://"),
        (("[[programs]]", "[[program]]"), "programs"),
        (("# event_kind", "levels = { 1 = {} }\n# event_kind"), "one of limit_kw"),
        (("# event_kind", "levels = { 4 = { limit_kw = 1 } }\n# event_kind"), "levels"),
        (
            (
                'http://127.0.0.1:8080/openadr3/3.1.0"',
                'http://vtn.example"\noauth = { client_id = "a", client_secret_file = "secret" }',
            ),
            "https://",
        ),
    ],
)
def test_a_configuration_of_openadr_that_breaks_a_rule_is_refused_with_its_key(
    tmp_path: Path, changed: tuple[str, str], said: str
) -> None:
    path = openadr_written(tmp_path, openadr_sample().replace(*changed))

    error = RUNNER.invoke(app, ["openadr", str(path), "--check"]).exception

    assert isinstance(error, ConfigurationError)
    assert said in str(error)
    assert "openadr-sample" in str(error)


def test_a_vtn_that_never_answers_is_missing(tmp_path: Path) -> None:
    path = openadr_written(tmp_path, openadr_sample().replace(":8080", ":9"))  # discard

    result = RUNNER.invoke(app, ["openadr", str(path), "--duration-s", "0.1"])

    assert isinstance(result.exception, DeviceMissingError)
    assert result.stderr.count("no connection: ") == 1


def openadr2_sample() -> str:
    return RUNNER.invoke(app, ["openadr2-sample"]).stdout


@pytest.mark.parametrize("section", [TwoBConfig, TwoBVtnConfig, MarketConfig])
def test_the_openadr2_sample_loads_and_names_every_key(
    tmp_path: Path, section: type[BaseModel]
) -> None:
    named = set(re.findall(r"^(?:# )?(\w+) = ", openadr2_sample(), re.MULTILINE))

    load_two_b_config(openadr_written(tmp_path, openadr2_sample()))

    assert set(section.model_fields) - {"vtn", "programs", "levels"} <= named


def test_an_answer_to_events_of_2_0b_has_no_default(tmp_path: Path) -> None:
    path = openadr_written(tmp_path, openadr2_sample().replace('answer = "optOut"', ""))

    error = RUNNER.invoke(app, ["openadr2", str(path), "--check"]).exception

    assert isinstance(error, ConfigurationError)
    assert "answer" in str(error)


@pytest.mark.parametrize("how", ["--check", "--dry-run"])
def test_a_check_of_openadr2_opens_the_certificates(tmp_path: Path, how: str) -> None:
    """A folder without them; then a key that is not of the certificate, and the one that is."""
    text = re.sub("# (?=(certificate|key|ca)_file)", "", openadr2_sample())
    path = openadr_written(tmp_path, text)

    missing = RUNNER.invoke(app, ["openadr2", str(path), how]).exception
    authority = Authority(tmp_path)
    (tmp_path / "authority.pem").write_bytes(authority.ca_file.read_bytes())
    (tmp_path / "negawatt.pem").write_bytes(authority.issue("ven").read_bytes())
    (tmp_path / "negawatt.key").write_bytes(authority.issue("other").read_bytes())
    foreign = RUNNER.invoke(app, ["openadr2", str(path), how]).exception
    (tmp_path / "negawatt.key").write_bytes((tmp_path / "negawatt.pem").read_bytes())
    good = RUNNER.invoke(app, ["openadr2", str(path), "--check"])

    assert isinstance(missing, ConfigurationError)
    assert "authority.pem: expected certificates" in str(missing)
    assert isinstance(foreign, ConfigurationError)
    assert "negawatt.pem: expected certificates (and their key)" in str(foreign)
    assert good.exit_code == 0
    assert "answered optOut" in good.stdout
