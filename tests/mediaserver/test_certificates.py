"""The operator's certificate files: what is wrong with them is one sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from typer.testing import CliRunner

from bench.certificates import Pair, self_signed
from mediaserver import config
from mediaserver.certificates import read_credentials
from mediaserver.cli import cli
from mediaserver.config_tls import TlsFiles
from mediaserver.errors import ConfigError, StartError


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return self_signed(tmp_path)


def _files(pair: Pair) -> TlsFiles:
    return TlsFiles(certificate=pair.certificate, key=pair.key)


def test_a_good_pair_tells_until_when_it_is(pair: Pair) -> None:
    credentials = read_credentials(_files(pair))
    now = datetime.now(UTC)
    assert credentials.doubts(now) == ""
    assert "expires on" in credentials.doubts(now + timedelta(days=80))
    assert "has expired on" in credentials.doubts(now + timedelta(days=100))
    assert "not valid before" in credentials.doubts(now - timedelta(days=2))


def test_a_file_that_is_missing_is_named_with_its_setting(pair: Pair) -> None:
    pair.key.unlink()
    with pytest.raises(StartError, match=r"http\.tls\.key: .*-key\.pem cannot be read: No such"):
        read_credentials(_files(pair))
    pair.certificate.unlink()
    with pytest.raises(StartError, match=r"http\.tls\.certificate: .*\.pem cannot be read: No su"):
        read_credentials(_files(pair))


def test_the_key_of_another_certificate_is_refused(pair: Pair, tmp_path: Path) -> None:
    other = self_signed(tmp_path, "other")
    with pytest.raises(StartError, match="does not belong to the certificate in"):
        read_credentials(TlsFiles(certificate=pair.certificate, key=other.key))


def test_what_is_no_pem_is_refused_and_not_shown(pair: Pair) -> None:
    pair.key.write_text("my secret")
    with pytest.raises(StartError, match=r"http\.tls\.key: .* holds no private key") as caught:
        read_credentials(_files(pair))
    assert "my secret" not in str(caught.value)
    pair.certificate.write_text("my secret")
    with pytest.raises(StartError, match="holds no certificate in PEM"):
        read_credentials(_files(pair))


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(pair: Pair) -> None:
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    pair.key.write_bytes(locked)
    with pytest.raises(StartError, match="no private key in PEM without a passphrase"):
        read_credentials(_files(pair))


@pytest.mark.parametrize("tls", [{"certificate": "a.pem"}, {"key": "a.pem"}])
def test_both_files_are_given_or_none(tls: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"http\.tls: certificate and key are given together"):
        config.load(None, {"http": {"tls": tls}})


def test_a_version_may_be_written_as_a_number(tmp_path: Path) -> None:
    path = tmp_path / "comptoir.yaml"
    path.write_text("http: {tls: {certificate: a, key: b, min_version: 1.3}}")
    files = config.load(path).http.tls.files
    assert files is not None
    assert files.min_version == "1.3"
    path.write_text("http: {tls: {min_version: 1.1}}")
    with pytest.raises(ConfigError, match=r"http\.tls\.min_version: .*'1\.2' or '1\.3'"):
        config.load(path)


def test_check_config_looks_into_the_files(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "comptoir.yaml"
    tls = {"certificate": str(pair.certificate), "key": str(pair.key)}
    path.write_text(yaml.safe_dump({"http": {"tls": tls}}))
    said = CliRunner().invoke(cli, ["check-config", str(path)])
    assert (said.exit_code, said.stderr) == (0, "")
    self_signed(tmp_path, begins_in_days=-100)
    said = CliRunner().invoke(cli, ["check-config", str(path)])
    assert said.exit_code == 0
    assert "it has expired on" in said.stderr
    pair.key.write_text("")
    said = CliRunner().invoke(cli, ["check-config", str(path)])
    assert isinstance(said.exception, StartError)
