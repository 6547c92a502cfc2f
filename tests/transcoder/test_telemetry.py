"""What the worker counts, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from transcoder.telemetry import Telemetry


def value(telemetry: Telemetry, name: str) -> float:
    families = text_string_to_metric_families(telemetry.render().decode())
    [sample] = [s for family in families for s in family.samples if s.name == name]
    assert sample.labels["show"] == "demo"
    return sample.value


def test_what_the_process_took_is_a_counter_of_all_its_threads() -> None:
    telemetry = Telemetry("demo")
    name = "comptoir_transcoder_process_seconds_total"
    telemetry.spent(2.5)
    telemetry.spent(4.0)
    assert value(telemetry, name) == 4.0
    telemetry.spent(3.0)
    assert value(telemetry, name) == 4.0
    telemetry.encoded("720p", 1.5)
    assert value(telemetry, "comptoir_transcoder_encode_seconds_total") == 1.5
