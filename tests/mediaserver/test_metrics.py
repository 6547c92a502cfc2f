"""One page of metrics out of many processes."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mediaserver.metrics import ChildMetrics, NodeMetrics, exposition
from transcoder.ladder_state import ladder_state
from transcoder.shedding import planned


def _child(value: int) -> bytes:
    registry = CollectorRegistry()
    counter = Counter("comptoir_parts", "Parts", ["rendition"], registry=registry)
    counter.labels(rendition="720p").inc(value)
    return generate_latest(registry)


def test_each_process_keeps_its_own_series_under_one_family() -> None:
    texts = {"gateway-0": _child(3), "gateway-1": _child(4)}
    page = exposition([ChildMetrics(lambda: texts)]).decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    totals = {
        (sample.labels["process"], sample.labels["rendition"]): sample.value
        for sample in families["comptoir_parts"].samples
        if sample.name == "comptoir_parts_total"
    }
    assert totals == {("gateway-0", "720p"): 3, ("gateway-1", "720p"): 4}
    assert page.count("# HELP comptoir_parts_total") == 1


def test_a_child_that_sends_nonsense_costs_only_itself() -> None:
    texts = {"gateway-0": b"{{{", "gateway-1": _child(4)}
    page = exposition([ChildMetrics(lambda: texts)]).decode()
    assert "gateway-1" in page


def test_shows_are_counted_by_state() -> None:
    node = NodeMetrics(
        states=lambda: ["live", "live", "idle"],
        workers=lambda: {"idle": 1, "busy": 2},
        gateways=lambda: 1,
        broken_profiles=lambda: {"a": True, "b": False},
    )
    page = exposition([node]).decode()
    assert 'comptoir_shows{process="main",state="live"} 2.0' in page
    assert 'comptoir_shows{process="main",state="away"} 0.0' in page
    assert 'comptoir_workers{process="main",use="busy"} 2.0' in page
    assert 'comptoir_profile_broken{process="main",show="a"} 1.0' in page
    assert 'comptoir_profile_broken{process="main",show="b"} 0.0' in page


def test_what_each_ladder_does_is_counted_by_role() -> None:
    shed = ladder_state(
        show="demo",
        epoch="e",
        rungs=("720p", "480p", "360p"),
        plan=planned(3, ("top_rung",), passed=False),
        step=1,
        dozing={"360p"},
    )
    node = NodeMetrics(
        states=list, workers=dict, gateways=lambda: 0, ladders=lambda: {"demo": shed}
    )
    page = exposition([node]).decode()
    assert 'comptoir_ladder_step{process="main",show="demo"} 1.0' in page
    assert 'comptoir_ladder_rungs{process="main",role="mirror",show="demo"} 1.0' in page
    assert 'comptoir_ladder_rungs{process="main",role="encoded",show="demo"} 2.0' in page
    assert 'comptoir_ladder_rungs{process="main",role="passed",show="demo"} 0.0' in page
    assert 'comptoir_ladder_dozing{process="main",show="demo"} 1.0' in page
