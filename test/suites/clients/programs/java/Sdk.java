// All instruments of opentelemetry-sdk-metrics, exported again and again: Sdk.java URL SECONDS. Prints how many points were exported.

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

public class Sdk {
  static final AttributeKey<String> SERIES = AttributeKey.stringKey("series");

  record CountingExporter(MetricExporter plain, AtomicLong exported) implements MetricExporter {
    public CompletableResultCode export(Collection<MetricData> metrics) {
      long points = metrics.stream().mapToLong(metric -> metric.getData().getPoints().size()).sum();
      CompletableResultCode result = plain.export(metrics);
      result.whenComplete(() -> exported.addAndGet(result.isSuccess() ? points : 0));
      return result;
    }

    public CompletableResultCode flush() {
      return plain.flush();
    }

    public CompletableResultCode shutdown() {
      return plain.shutdown();
    }

    public AggregationTemporality getAggregationTemporality(InstrumentType type) {
      return plain.getAggregationTemporality(type);
    }
  }

  public static void main(String[] args) throws Exception {
    var plain = OtlpHttpMetricExporter.builder().setEndpoint(args[0] + "/v1/metrics").setCompression("gzip").build();
    var exporter = new CountingExporter(plain, new AtomicLong());
    var provider = SdkMeterProvider.builder()
        .setResource(Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), "java")))
        .registerView(InstrumentSelector.builder().setName("exponential").build(),
            View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build())
        .registerMetricReader(PeriodicMetricReader.builder(exporter).setInterval(Duration.ofMillis(200)).build())
        .build();
    var meter = provider.meterBuilder("all").setInstrumentationVersion("1.0").build();
    var counter = meter.counterBuilder("counter").setUnit("1").build();
    var upDown = meter.upDownCounterBuilder("up_down").ofDoubles().build();
    var histogram = meter.histogramBuilder("histogram").setUnit("s").build();
    var exponential = meter.histogramBuilder("exponential").setUnit("s").build();
    var gauge = meter.gaugeBuilder("gauge").build();
    var seen = new AtomicLong();
    var a = Attributes.of(SERIES, "a");
    var b = Attributes.of(SERIES, "b");
    meter.counterBuilder("observable_counter").buildWithCallback(result -> {
      result.record(seen.get(), a);
      result.record((1L << 53) + 1 + seen.get(), b);
    });
    meter.gaugeBuilder("observable_gauge").ofLongs().buildWithCallback(result -> {
      result.record(seen.get(), a);
      result.record((1L << 53) + 1 + seen.get(), b);
    });
    long end = System.nanoTime() + (long) (Double.parseDouble(args[1]) * 1e9);
    while (System.nanoTime() < end) {
      double value = seen.incrementAndGet();
      for (String series : List.of("a", "b", "ü \"quoted\"\n")) {
        var attributes = Attributes.builder().put("series", series).put("ok", true).put("list", 1L, 2L).build();
        counter.add(1, attributes);
        upDown.add(-1.5, attributes);
        histogram.record(value / 7, attributes);
        exponential.record(value / 7, attributes);
        gauge.set(value / 3, attributes);
      }
      Thread.sleep(10);
    }
    provider.shutdown().join(20, TimeUnit.SECONDS);
    System.out.println("exported " + exporter.exported().get());
    System.exit(0);
  }
}
