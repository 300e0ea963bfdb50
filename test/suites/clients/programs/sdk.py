"""All instruments of opentelemetry-sdk, exported again and again: sdk.py URL SECONDS. Prints how many points were exported."""

import sys
import time

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

url, seconds = sys.argv[1], float(sys.argv[2])


class CountingExporter(OTLPMetricExporter):
    exported = 0

    def export(self, metrics_data, *args, **kwargs):
        points = sum(
            len(metric.data.data_points)
            for resource in metrics_data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        )
        result = super().export(metrics_data, *args, **kwargs)
        if result is MetricExportResult.SUCCESS:
            self.exported += points
        return result


exporter = CountingExporter(endpoint=f"{url}/v1/metrics", compression=Compression.Gzip)
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=200)
exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
provider = MeterProvider([reader], Resource.create({"service.name": "python"}), views=[exponential])
meter = provider.get_meter("all", "1.0")

counter = meter.create_counter("counter", unit="1")
up_down = meter.create_up_down_counter("up_down")
histogram = meter.create_histogram("histogram", unit="s")
exponential = meter.create_histogram("exponential", unit="s")
gauge = meter.create_gauge("gauge")
seen = 0


def observe(_):
    return [Observation(seen, {"series": "a"}), Observation(2**53 + 1 + seen, {"series": "b"})]


meter.create_observable_counter("observable_counter", [observe])
meter.create_observable_up_down_counter("observable_up_down", [observe])
meter.create_observable_gauge("observable_gauge", [observe])

end = time.monotonic() + seconds
while time.monotonic() < end:
    seen += 1
    for series in ("a", "b", "ü \"quoted\"\n"):
        attributes = {"series": series, "ok": True, "list": (1, 2)}
        counter.add(1, attributes)
        up_down.add(-1.5, attributes)
        histogram.record(seen / 7, attributes)
        exponential.record(seen / 7, attributes)
        gauge.set(seen / 3, attributes)
    time.sleep(0.01)
provider.shutdown()
print("exported", exporter.exported)
