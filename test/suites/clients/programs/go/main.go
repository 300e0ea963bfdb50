// All instruments of go.opentelemetry.io/otel/sdk/metric, exported again and again: URL SECONDS. Prints how many points were exported.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

type countingExporter struct {
	sdk.Exporter
	exported atomic.Int64
}

func (exporter *countingExporter) Export(ctx context.Context, metrics *metricdata.ResourceMetrics) error {
	points := pointsIn(metrics)
	err := exporter.Exporter.Export(ctx, metrics)
	if err == nil {
		exporter.exported.Add(points)
	}
	return err
}

func pointsIn(metrics *metricdata.ResourceMetrics) int64 {
	points := 0
	for _, scope := range metrics.ScopeMetrics {
		for _, one := range scope.Metrics {
			switch data := one.Data.(type) {
			case metricdata.Gauge[int64]:
				points += len(data.DataPoints)
			case metricdata.Gauge[float64]:
				points += len(data.DataPoints)
			case metricdata.Sum[int64]:
				points += len(data.DataPoints)
			case metricdata.Sum[float64]:
				points += len(data.DataPoints)
			case metricdata.Histogram[float64]:
				points += len(data.DataPoints)
			case metricdata.ExponentialHistogram[float64]:
				points += len(data.DataPoints)
			default:
				panic(fmt.Sprintf("%T", data))
			}
		}
	}
	return int64(points)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	ctx := context.Background()
	seconds := must(strconv.ParseFloat(os.Args[2], 64))
	plain := must(otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(os.Args[1]+"/v1/metrics"),
		otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression)))
	exporter := &countingExporter{Exporter: plain}
	exponentials := sdk.NewView(sdk.Instrument{Name: "exponential"},
		sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	provider := sdk.NewMeterProvider(
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "go"))),
		sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(200*time.Millisecond))),
		sdk.WithView(exponentials))
	meter := provider.Meter("all", metric.WithInstrumentationVersion("1.0"))

	counter := must(meter.Int64Counter("counter", metric.WithUnit("1")))
	upDown := must(meter.Float64UpDownCounter("up_down"))
	histogram := must(meter.Float64Histogram("histogram", metric.WithUnit("s")))
	exponential := must(meter.Float64Histogram("exponential", metric.WithUnit("s")))
	gauge := must(meter.Float64Gauge("gauge"))
	var seen atomic.Int64
	observe := metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
		observer.Observe(seen.Load(), metric.WithAttributes(attribute.String("series", "a")))
		observer.Observe(1<<53+1+seen.Load(), metric.WithAttributes(attribute.String("series", "b")))
		return nil
	})
	must(meter.Int64ObservableCounter("observable_counter", observe))
	must(meter.Int64ObservableUpDownCounter("observable_up_down", observe))
	must(meter.Int64ObservableGauge("observable_gauge", observe))

	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		value := float64(seen.Add(1))
		for _, series := range []string{"a", "b", "ü \"quoted\"\n"} {
			attributes := metric.WithAttributes(attribute.String("series", series), attribute.Bool("ok", true),
				attribute.IntSlice("list", []int{1, 2}))
			counter.Add(ctx, 1, attributes)
			upDown.Add(ctx, -1.5, attributes)
			histogram.Record(ctx, value/7, attributes)
			exponential.Record(ctx, value/7, attributes)
			gauge.Record(ctx, value/3, attributes)
		}
	}
	if err := provider.Shutdown(ctx); err != nil {
		panic(err)
	}
	fmt.Println("exported", exporter.exported.Load())
}
