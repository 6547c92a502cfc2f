"""The Dockerfile and the compose files: whole, closed towards strangers, and legal to Docker."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench import dockerfile
from bench.dockerfile import DockerfileError, ignored, parse
from mediaserver import config

ROOT = Path(__file__).parents[2]
COMPOSE = ("compose.yaml", "compose.cluster.yaml")
SECRETS = {
    "COMPTOIR_ADVERTISE": "203.0.113.7",
    "COMPTOIR_SECRET": "a-secret-of-sixteen",
    "COMPTOIR_PUBLIC_URL": "https://live.example.org",
    "POSTGRES_PASSWORD": "postgres-password",
    "REDIS_PASSWORD": "redis-password",
}


def _services(name: str) -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker" / name).read_text())["services"]
    return services


def _filled(value: object) -> str:
    """A value of an environment, with our secrets in the place of variables."""
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda found: SECRETS.get(found[1], ""), str(value))


def test_the_image_runs_as_nobody_special_and_is_healthy_by_its_admin_port() -> None:
    steps = parse(dockerfile.DOCKERFILE.read_text())
    last = max(n for n, step in enumerate(steps) if step.word == "FROM")
    by_word = {step.word: step for step in steps[last:]}
    assert by_word["USER"].rest == "comptoir"
    assert "/livez" in by_word["HEALTHCHECK"].rest
    assert by_word["EXPOSE"].words == ["8080/tcp", "8189/udp"]
    assert by_word["VOLUME"].words == ["/var/lib/comptoir"]
    assert [step.rest.split()[0] for step in steps if step.word == "FROM"] == ["debian:12-slim"] * 2


def test_what_the_image_installs_is_what_was_tested() -> None:
    whole, image = (
        set(re.findall(r"^([\w.-]+(?:\[\w+\])?==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-image.lock")
    )
    assert image - whole == set()
    assert {pin.partition("==")[0] for pin in image} >= {"aiohttp", "av", "aiortc", "redis"}


@pytest.mark.parametrize("name", COMPOSE)
def test_our_services_are_confined_and_configured_by_legal_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [each for each in os.environ if each.startswith("COMPTOIR_")]:
        monkeypatch.delenv(variable)
    ours = {k: v for k, v in _services(name).items() if v["image"] == "comptoir"}
    assert ours
    for service in ours.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - of the container
        with monkeypatch.context() as environment:
            for variable, value in service["environment"].items():
                environment.setenv(variable, _filled(value))
            roles = [r for r in service["command"] if r in ("gateway", "api,ingest")]
            options = {"roles": roles[0].split(",")} if roles else {}
            loaded = config.load(ROOT / "docker" / "comptoir.yaml", options)
        assert loaded.cluster.on == (name == "compose.cluster.yaml")


def test_the_cluster_shows_nginx_and_the_hosts_port_alone() -> None:
    services = _services("compose.cluster.yaml")
    open_ports = {k: v["ports"] for k, v in services.items() if "ports" in v}
    assert open_ports == {"main": ["8189:8189/udp"], "nginx": ["80:80/tcp", "443:443/tcp"]}
    assert set(services) == {"main", "gateway-1", "gateway-2", "redis", "postgres", "nginx"}
    replaced = re.search(r"'s/(server [^;]+;)", services["nginx"]["command"][2])
    assert replaced
    assert (ROOT / "configs/nginx.conf").read_text().count(replaced[1]) == 1


@pytest.mark.parametrize("name", COMPOSE)
def test_docker_compose_takes_it(name: str) -> None:
    if (compose := shutil.which("docker-compose")) is None:
        missing = "docker-compose is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run(
        [compose, "-f", ROOT / "docker" / name, "config"],
        env=os.environ | SECRETS, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(_services(name))


def test_the_unit_of_systemd_can_be_read() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # as its documentation says
    unit.read(ROOT / "configs" / "comptoir.service")
    assert unit["Service"]["ExecStart"].endswith("serve --config /etc/comptoir/comptoir.yaml")
    assert unit["Service"]["StateDirectory"] == "comptoir"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("FROM debian:12-slim\nADD a b", "Line 2: ADD is not known here"),
        ("FROM debian:12-slim\nCOPY --chown=a b c", "Line 2: COPY --chown is not known"),
        ("FROM debian:12-slim\nENV A=$B", "Line 2: variables are not known"),
        ("FROM debian:12-slim\nCMD serve", "Line 2: CMD must have the form of a JSON list"),
        ("RUN true", "The first instruction must be FROM"),
        ("FROM debian:12-slim\nRUN true \\", "Line 2: it never ends"),
        ("", "The first instruction must be FROM"),
    ],
)
def test_what_the_checker_does_not_know_it_refuses(text: str, sentence: str) -> None:
    with pytest.raises(DockerfileError, match=sentence):
        parse(text)


def test_lines_are_joined_and_comments_are_none() -> None:
    steps = parse(
        '# a\nFROM debian:12-slim AS x\n\nRUN a \\\n# not this\n  && b\nCMD ["c", "d e"]\n'
    )
    assert [(step.line, step.word) for step in steps] == [(2, "FROM"), (4, "RUN"), (7, "CMD")]
    assert steps[1].rest.split() == ["a", "&&", "b"]
    assert steps[2].words == ["c", "d e"]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        parse(text)
    except DockerfileError as exc:
        assert str(exc).endswith(".")


def test_dockerignore_lets_in_what_the_image_is_made_of() -> None:
    patterns = (ROOT / ".dockerignore").read_text().split()
    for path in ("overlay/web/src/watch/main.ts", "mediaserver/cli.py", "configs/comptoir.yaml"):
        assert not ignored(path, patterns), path
    for path in (".git/config", "data/viewers.secret", "overlay/web/node_modules/x/y.js",
                 "mediaserver/__pycache__/cli.pyc", ".venv/bin/python"):  # fmt: skip
        assert ignored(path, patterns), path


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_every_step_runs_in_a_clean_root_folder_and_the_image_serves() -> None:
    if reason := dockerfile.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    dockerfile.check()
