// All instruments of @opentelemetry/sdk-metrics, exported again and again: sdk.mjs URL SECONDS proto|http. Prints how many points were exported.

import { setTimeout as pause } from 'node:timers/promises'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'

const [url, seconds, encoding] = process.argv.slice(2)
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${encoding}`)

const exporter = new OTLPMetricExporter({ url: `${url}/v1/metrics` })
let exported = 0
const send = exporter.export.bind(exporter)
exporter.export = (metrics, done) => {
  const points = metrics.scopeMetrics.flatMap((scope) => scope.metrics.flatMap((metric) => metric.dataPoints))
  send(metrics, (result) => {
    if (result.code === 0) exported += points.length
    done(result)
  })
}

const provider = new MeterProvider({
  resource: resourceFromAttributes({ 'service.name': `node-${encoding}` }),
  views: [{ instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 200, exportTimeoutMillis: 200 })],
})
const meter = provider.getMeter('all', '1.0')
const counter = meter.createCounter('counter', { unit: '1' })
const upDown = meter.createUpDownCounter('up_down')
const histogram = meter.createHistogram('histogram', { unit: 's' })
const exponential = meter.createHistogram('exponential', { unit: 's' })
const gauge = meter.createGauge('gauge')
let seen = 0
const observe = (result) => {
  result.observe(seen, { series: 'a' })
  result.observe(2 ** 53 - seen, { series: 'b' })
}
meter.createObservableCounter('observable_counter').addCallback(observe)
meter.createObservableUpDownCounter('observable_up_down').addCallback(observe)
meter.createObservableGauge('observable_gauge').addCallback(observe)

const end = performance.now() + Number(seconds) * 1000
while (performance.now() < end) {
  seen++
  for (const series of ['a', 'b', 'ü "quoted"\n']) {
    const attributes = { series, ok: true, list: [1, 2] }
    counter.add(1, attributes)
    upDown.add(-1.5, attributes)
    histogram.record(seen / 7, attributes)
    exponential.record(seen / 7, attributes)
    gauge.record(seen / 3, attributes)
  }
  await pause(10)
}
await provider.shutdown()
console.log('exported', exported)
