import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'

/** What a worker counts: member of `Counts`, and what it means. Each becomes vantage_collector_<snake_case>_total. */
export const counters = {
  batchesReceived: 'Batches posted to /v1/metrics whose body was read',
  metricsReceived: 'Metrics in the batches that could be parsed',
  metricsAccepted: 'Metrics answered 202: acknowledged by Kafka',
  metricsRejected: 'Metrics answered as invalid, or refused by the brokers for good',
  metricsUnavailable: 'Metrics answered 503, for the agent to send again',
  metricsLate: 'Metrics acknowledged by Kafka after their request was answered 503: a retry duplicates them',
  recordsDelivered: 'Records acknowledged by Kafka',
  recordsFailed: 'Failures to deliver a record, before any further try',
  bytesDelivered: 'Bytes of record values acknowledged by Kafka',
} as const

export type CounterName = keyof typeof counters
export type Counts = Record<CounterName, number>

/**
 * What a worker holds or measures now. Each becomes vantage_collector_<snake_case>: the sum, or the worst, of all
 * workers.
 */
export const gauges = {
  metricsInFlight: { help: 'Metrics of requests that are being answered', aggregator: 'sum' },
  heldBytes: { help: 'Bytes held until Kafka acknowledges them, against the byte budget', aggregator: 'sum' },
  residentMemoryBytes: { help: 'Resident memory of the workers', aggregator: 'sum' },
  eventLoopLagSeconds: { help: 'Mean delay of the event loop, of the slowest worker', aggregator: 'max' },
} as const

export type GaugeName = keyof typeof gauges
export type Gauges = Record<GaugeName, number>

/** Everything a worker tells the primary of itself, taken in one turn of its event loop, so that the books balance. */
export type WorkerSnapshot = {
  counts: Counts
  gauges: Gauges
  kafka: { up: boolean; message: string }
  /** The same counts and gauges, and what has labels or buckets, as prom-client writes them for aggregation. */
  metrics: MetricObjectWithValues<MetricValue<string>>[]
}

const lagIntervalMs = 10

const metricPrefix = 'vantage_collector_'

/** A worker's figures: plain numbers to count in, turned into Prometheus metrics when a snapshot is taken. */
export class Telemetry {
  readonly counts: Counts = zeros(counters)
  readonly gauges: Gauges = zeros(gauges)
  readonly #registry = new Registry()
  readonly #eventLoop = monitorEventLoopDelay({ resolution: lagIntervalMs })
  readonly #requests = new Counter({
    name: `${metricPrefix}http_requests_total`,
    help: 'HTTP requests by route and status',
    labelNames: ['route', 'status'],
    registers: [this.#registry],
  })
  readonly #ingestDuration = new Histogram({
    name: `${metricPrefix}ingest_duration_seconds`,
    help: 'Time from the headers of a batch to its answer',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.#registry],
  })

  readonly #keyRequests = new Counter({
    name: `${metricPrefix}api_key_requests_total`,
    help: 'Requests by API key',
    labelNames: ['key'],
    registers: [this.#registry],
  })
  readonly #keyMetrics = new Counter({
    name: `${metricPrefix}api_key_metrics_accepted_total`,
    help: 'Metrics answered 202 by API key',
    labelNames: ['key'],
    registers: [this.#registry],
  })

  constructor() {
    this.#eventLoop.enable()
    const { counts, gauges: levels } = this
    for (const name of namesOf(counters)) {
      new Counter({
        name: `${metricPrefix}${snakeCase(name)}_total`,
        help: counters[name],
        registers: [this.#registry],
        collect() {
          this.reset()
          this.inc(counts[name])
        },
      })
    }
    for (const name of namesOf(gauges)) {
      new Gauge({
        name: `${metricPrefix}${snakeCase(name)}`,
        ...gauges[name],
        registers: [this.#registry],
        collect() {
          this.set(levels[name])
        },
      })
    }
  }

  countRequest(route: string, status: number): void {
    this.#requests.inc({ route, status })
  }

  countKeyRequest(key: string): void {
    this.#keyRequests.inc({ key })
  }

  countKeyMetrics(key: string, accepted: number): void {
    this.#keyMetrics.inc({ key }, accepted)
  }

  observeIngest(seconds: number): void {
    this.#ingestDuration.observe(seconds)
  }

  async snapshot(kafka: WorkerSnapshot['kafka']): Promise<WorkerSnapshot> {
    this.gauges.residentMemoryBytes = process.memoryUsage.rss()
    // Samples contain the interval at which they are taken; the mean is NaN until there is one.
    const meanMs = this.#eventLoop.mean / 1e6
    this.gauges.eventLoopLagSeconds = Math.max(0, meanMs - lagIntervalMs || 0) / 1000
    this.#eventLoop.reset()
    const counts = { ...this.counts }
    const levels = { ...this.gauges }
    // prom-client collects each metric before its first await, so these are the figures of the same turn.
    const metrics = await this.#registry.getMetricsAsJSON()
    return { counts, gauges: levels, kafka, metrics }
  }
}

/** The names of a table, with their own type. */
export function namesOf<K extends string>(table: Record<K, unknown>): K[] {
  return Object.keys(table) as K[]
}

/** A zero for each name of a table. */
export function zeros<K extends string>(table: Record<K, unknown>): Record<K, number> {
  return Object.fromEntries(namesOf(table).map((name) => [name, 0])) as Record<K, number>
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
