"""The configuration: its file is its documentation, its faults are sentences."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mediaserver import config
from mediaserver.config import Config
from mediaserver.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "configs" / "comptoir.yaml"
KEY = "a-key-of-sixteen-and-more"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("COMPTOIR_")]:
        monkeypatch.delenv(name)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "comptoir.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_is_complete_and_equals_the_defaults() -> None:
    shipped = yaml.safe_load(SHIPPED.read_text())
    assert shipped == config.load().model_dump(mode="json")


def test_every_key_of_the_shipped_file_is_commented() -> None:
    lines = SHIPPED.read_text().splitlines()
    for at, line in enumerate(lines):
        if line and not line.startswith(("#", " ")):
            assert "#" in line or lines[at - 1].startswith("#"), line


def test_options_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, "http: {port: 8001, host: 127.0.0.1}\nadmin: {port: 9001}\n")
    monkeypatch.setenv("COMPTOIR_HTTP__PORT", "8002")
    monkeypatch.setenv("COMPTOIR_ADMIN__PORT", "9002")
    loaded = config.load(path, {"http": {"port": 8003}})
    assert (loaded.http.port, loaded.admin.port, loaded.http.host) == (8003, 9002, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("http: {port: 99999}", r"http\.port: input should be less than .*given: 99999"),
        (
            "htp: {port: 1}",
            r"htp: there is no such key; did you mean http\? The keys here are http,",
        ),
        ("http: {prot: 1}", r"http\.prot: .*; did you mean port\? The keys here are host, port,"),
        (
            "shows: {a: {host_kye: 1}}",
            r"shows\.a\.host_kye: .*; did you mean host_key\? The .* title, host_key",
        ),
        ("shows: {Bad_Name: {}}", r"shows: 'Bad_Name' is no name for a show"),
        ("shows: {a: {host_key: short}}", r"shows\.a\.host_key: a key has 16 to 200"),
        ("operator_key: short", r"operator_key: a key has 16 to 200"),
        ("shows: {a: {host_key: 'sixteen chars and spaces'}}", "without spaces"),
        ("webrtc: {advertise: [example.org]}", "'example.org' is not an IPv4 or IPv6 address"),
        ("http: {public_url: live.example.org}", r"http\.public_url: it must be http"),
        ("shows: {a: KEY-KEY-KEY-KEY-KEY}", r"shows\.a: input should be a valid dictionary"),
        (
            "shows: {a: {host_key: the-same-key-1234}, b: {host_key: the-same-key-1234}}",
            "'b' and 'a' have the same host key",
        ),
        ("latency: fast", r"latency: input should be 'ultra', 'low' or 'relaxed'.*'fast'"),
        ("- a list", "must be a mapping"),
        ("a: [", "is not YAML"),
        ("a: 2001-99-99", "is not YAML"),
        ("[" * 2000, "is not YAML"),
        ("_options: {}", "there is no such key"),
    ],
)
def test_each_fault_is_a_sentence_with_the_path_and_what_is_legal(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config.load(_file(tmp_path, text))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config.load(tmp_path / "none.yaml")


def test_a_fault_in_the_environment_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPTOIR_HTTP__PORT", "eighty")
    with pytest.raises(ConfigError, match=r"http\.port: .*given: 'eighty'"):
        config.load()


def test_a_refused_key_is_never_shown(tmp_path: Path) -> None:
    path = _file(tmp_path, "operator_key: 'my secret'\nshows: {a: {host_key: 'my secret'}}")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert "my secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["shows: {a: my-secret-key}", "shows:\n  a:\n    host_key: my-secret-key: x\n"]
)
def test_a_key_in_the_wrong_place_is_never_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(_file(tmp_path, text))
    assert "my-secret-key" not in str(caught.value)


def test_keys_are_masked_in_the_repr_and_whole_in_the_pipe_to_children() -> None:
    operator = "the-operator-s-own-key"
    loaded = config.load(None, {"operator_key": operator, "shows": {"a": {"host_key": KEY}}})
    assert KEY not in repr(loaded)
    assert operator not in repr(loaded)
    again = config.from_plain(config.to_plain(loaded, keys=True))
    assert again == loaded
    assert again.shows["a"].host_key.get_secret_value() == KEY
    assert again.operator_key.get_secret_value() == operator
    without = str(config.to_plain(loaded, keys=False))
    assert KEY not in without
    assert operator not in without


@given(st.text(max_size=80))
def test_any_text_is_a_configuration_or_a_sentence(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        path.write_text(text, encoding="utf-8", newline="")
        try:
            assert isinstance(config.load(path), Config)
        except ConfigError as exc:
            assert str(path) in str(exc)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "handoff", "secret": "s" * 16}, "url is needed where kind is handoff"),
        ({"kind": "handoff", "url": "https://a.example/"}, "secret is needed"),
        ({"kind": "handoff", "url": "ftp://a", "secret": "s" * 16}, "a whole address"),
        ({"kind": "handoff", "url": "https://a/", "secret": "short"}, "16 to 200"),
        ({"kind": "shopify"}, "shop is needed where kind is shopify"),
        ({"kind": "shopify", "shop": "https://a/"}, "the shop's host"),
        ({"kind": "stripe"}, "set stripe.secret_key"),
        ({"kind": "cash"}, "checkout.kind"),
    ],
)
def test_a_checkout_that_could_not_work(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(None, {"shows": {"one": {"checkout": options}}})
    assert sentence in str(refused.value)
    assert "short" not in str(refused.value)


def test_stripe_must_know_where_buyers_come_back_to() -> None:
    stripe = {"secret_key": "sk_test_something", "webhook_secret": "whsec_something"}
    shows = {"one": {"checkout": {"kind": "stripe"}}}
    with pytest.raises(ConfigError, match=r"http\.public_url"):
        config.load(None, {"shows": shows, "stripe": stripe})
    made = config.load(
        None, {"shows": shows, "stripe": stripe, "http": {"public_url": "https://live.example"}}
    )
    assert "something" not in repr(made)
    assert "something" not in str(config.to_plain(made, keys=False))
    assert config.from_plain(config.to_plain(made, keys=True)) == made


def test_a_hand_offs_secret_crosses_to_children_alone() -> None:
    checkout = {"kind": "handoff", "url": "https://a.example/", "secret": "a-secret-of-theirs"}
    made = config.load(None, {"shows": {"one": {"checkout": checkout}}})
    assert "a-secret-of-theirs" not in repr(made) + str(config.to_plain(made, keys=False))
    again = config.from_plain(config.to_plain(made, keys=True))
    assert again.shows["one"].checkout.secret.get_secret_value() == "a-secret-of-theirs"


def test_a_process_without_keys_can_read_what_it_is_given() -> None:
    paid = {
        "handoff": {"kind": "handoff", "url": "https://a.example/", "secret": "a-secret-of-theirs"},
        "stripe": {"kind": "stripe"},
    }
    made = config.load(
        None,
        {
            "shows": {name: {"checkout": checkout} for name, checkout in paid.items()},
            "stripe": {"secret_key": "sk_test_0123456789abcdef"},
            "http": {"public_url": "https://live.example"},
        },
    )
    again = config.from_plain(config.to_plain(made, keys=False))
    assert set(again.shows) == set(paid)


@pytest.mark.parametrize("url", ["redis://:p/w@host:6379", "redis://host:port", "redis://h:99999"])
def test_an_address_of_redis_that_cannot_be_read_is_a_sentence_without_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"cluster\.redis.*its port is no number") as caught:
        config.load(None, {"cluster": {"redis": url}})
    assert "p/w" not in str(caught.value)
    assert config.load(None, {"cluster": {"redis": "redis://:p%2Fw@host:6379/2"}}).cluster.on
