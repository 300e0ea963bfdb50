import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from 'prom-client'
import type { Config } from '../config/config.js'
import { fingerprintOf } from '../config/describe.js'
import { version } from '../shared/version.js'
import type { CollectorStats } from './collector-stats.js'
import { isReady } from './condition.js'
import type { HistogramCounts } from './histogram.js'
import { ledgerFigures } from './ledger.js'
import {
  counters,
  gauges,
  type HistogramName,
  histograms,
  labelledCounters,
  labelSeparator,
  namesOf,
} from './telemetry.js'

export type ExpositionType = PrometheusContentType | OpenMetricsContentType

type Family = MetricObjectWithValues<MetricValue<string>>
type Sample = { value: number; labels: Record<string, string>; metricName?: string }

const prefix = 'vantage_collector_'

/** The figures of all workers as the text that Prometheus reads. */
export function expose(stats: CollectorStats, config: Config, type: ExpositionType): Promise<string> {
  const families = familiesOf(stats, config)
  // prom-client adds _total to a counter's samples by itself for OpenMetrics, and otherwise takes the name as it is.
  const named = type === Registry.OPENMETRICS_CONTENT_TYPE ? families.map(withoutTotal) : families
  const registry: Registry<typeof type> = AggregatorRegistry.aggregate([named])
  registry.setContentType(type)
  return registry.metrics()
}

/** A figure as docs/metrics.md lists it. */
export type Listed = { name: string; type: string; help: string; labels: string[] }

/** Every figure that these have, with the labels of its first sample. */
export function list(stats: CollectorStats, config: Config): Listed[] {
  return familiesOf(stats, config).map(({ name, type, help, values: [first] }) => {
    const labels = Object.keys(first?.labels ?? {}).filter((label) => label !== 'le')
    return { name, type: String(type), help, labels }
  })
}

function familiesOf(stats: CollectorStats, config: Config): Family[] {
  return [
    ...ledgerFamilies(stats),
    ...counterFamilies(stats),
    ...labelledFamilies(stats),
    ...histogramFamilies(stats),
    ...gaugeFamilies(stats),
    ...conditionFamilies(stats),
    ...workerFamilies(stats),
    ...brokerFamilies(stats),
    ...identityFamilies(stats, config),
  ]
}

function ledgerFamilies({ ledger }: CollectorStats): Family[] {
  const plain = namesOf(ledgerFigures).filter((figure) => !(ledgerFigures[figure].name in labelledCounters))
  return plain.map((figure) => {
    const { kind, name, help } = ledgerFigures[figure]
    return (kind === 'held' ? gauge : counter)(name, help, [sample(ledger[figure])])
  })
}

function counterFamilies({ counts, workerRestarts, services }: CollectorStats): Family[] {
  return [
    ...namesOf(counters).map((name) => counter(name, counters[name], [sample(counts[name])])),
    counter('workerRestarts', 'Workers that ended unasked and were replaced', [sample(workerRestarts)]),
    counter(
      'serviceMetricsReceived',
      'Metrics received from each of the busiest services, and from all others as other',
      services.map(([service, metrics]) => sample(metrics, { service })),
    ),
  ]
}

function labelledFamilies({ labelledCounts }: CollectorStats): Family[] {
  return namesOf(labelledCounters).map((name) => {
    const { help, labels } = labelledCounters[name]
    const samples = Object.entries(labelledCounts[name]).map(([values, count]) => {
      const parts = labels.length === 1 ? [values] : values.split(labelSeparator)
      return sample(count, Object.fromEntries(labels.map((label, index) => [label, parts[index] ?? values])))
    })
    return counter(name, help, samples)
  })
}

function histogramFamilies(stats: CollectorStats): Family[] {
  return namesOf(histograms).map((name) => {
    const samples = Object.entries(stats.histograms[name]).flatMap(([label, counts]) => buckets(name, label, counts))
    return family('histogram', prefix + snakeCase(name), histograms[name].help, samples)
  })
}

function buckets(name: HistogramName, labelValue: string, counts: HistogramCounts): Sample[] {
  const histogram = histograms[name]
  const labels: Record<string, string> = 'label' in histogram ? { [histogram.label]: labelValue } : {}
  const metricName = prefix + snakeCase(name)
  let below = 0
  const samples = [...histogram.bounds.map(String), '+Inf'].map((le, bucket) => {
    below += counts[bucket] ?? 0
    return sample(below, { ...labels, le }, `${metricName}_bucket`)
  })
  return [
    ...samples,
    sample(counts.at(-1) ?? 0, labels, `${metricName}_sum`),
    sample(below, labels, `${metricName}_count`),
  ]
}

function gaugeFamilies(stats: CollectorStats): Family[] {
  return namesOf(gauges).map((name) => gauge(name, gauges[name].help, [sample(stats.gauges[name])]))
}

function conditionFamilies({ condition }: CollectorStats): Family[] {
  const isDegraded = condition.state === 'degraded'
  return [
    gauge('ready', 'Whether a batch posted now would be answered 202 by each worker', [
      sample(Number(isReady(condition))),
    ]),
    gauge('degraded', 'Whether something does not work although batches get 202', [sample(Number(isDegraded))]),
  ]
}

function workerFamilies({ workers, cpuSeconds }: CollectorStats): Family[] {
  const byWorker = (measure: 'residentMemoryBytes' | 'eventLoopLagSeconds') =>
    workers.map((worker) => sample(worker.gauges[measure], { worker: String(worker.slot) }))
  return [
    gauge('workers', 'Running workers', [sample(workers.length)]),
    counter(
      'workerCpuSeconds',
      'CPU time of the workers of each place',
      cpuSeconds.map((seconds, slot) => sample(seconds, { worker: String(slot) })),
    ),
    gauge('workerResidentMemoryBytes', 'Resident memory of each worker', byWorker('residentMemoryBytes')),
    gauge('workerEventLoopLagSeconds', 'Mean delay of each event loop', byWorker('eventLoopLagSeconds')),
  ]
}

function brokerFamilies({ brokers }: CollectorStats): Family[] {
  return [
    gauge(
      'kafkaBrokerUp',
      'Whether each worker is connected to the broker',
      brokers.map(({ name, up }) => sample(Number(up), { broker: name })),
    ),
    gauge(
      'kafkaBrokerRttSeconds',
      'Mean round trip to the broker, of the worker that waits longest',
      brokers.map(({ name, rttSeconds }) => sample(rttSeconds, { broker: name })),
    ),
  ]
}

function identityFamilies({ uptimeSeconds }: CollectorStats, config: Config): Family[] {
  const startedAt = Math.round(Date.now() / 1000 - uptimeSeconds)
  return [
    gauge('startTimeSeconds', 'When the collector was started, in Unix seconds', [sample(startedAt)]),
    gauge('buildInfo', 'The versions that run', [sample(1, { version, node_version: process.versions.node })]),
    gauge('configInfo', 'A digest of the settings without their secrets: equal where collectors are configured alike', [
      sample(1, { digest: fingerprintOf(config) }),
    ]),
  ]
}

function counter(name: string, help: string, samples: Sample[]): Family {
  return family('counter', `${prefix}${snakeCase(name)}_total`, help, samples)
}

function gauge(name: string, help: string, samples: Sample[]): Family {
  return family('gauge', prefix + snakeCase(name), help, samples)
}

/** prom-client's types say that `type` is a number; it is a word. */
function family(type: string, name: string, help: string, values: Sample[]): Family {
  return { name, help, type: type as unknown as Family['type'], values, aggregator: 'sum', collect: () => undefined }
}

function sample(value: number, labels: Record<string, string> = {}, metricName?: string): Sample {
  return metricName === undefined ? { value, labels } : { value, labels, metricName }
}

function withoutTotal(metric: Family): Family {
  return { ...metric, name: metric.name.replace(/_total$/, '') }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
