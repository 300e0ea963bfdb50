import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { ProblemCode } from '../shared/errors.js'
import type { Rejections } from '../shared/rejections.js'
import type { Condition, JournalFigures, KafkaFigures } from './condition.js'
import { emptyHistogram, type HistogramCounts, observe } from './histogram.js'
import { Ledger, type LedgerFigures, ledgerFigures } from './ledger.js'

/**
 * What a worker counts beside its ledger: member of `Counts`, and what it means. Each becomes
 * vantage_collector_<snake_case>_total.
 */
export const counters = {
  batchesReceived: 'Batches posted whose body was read',
  metricsAccepted:
    'Metrics answered with a success: acknowledged by Kafka, in the journal, or in memory where that is asked for',
  rejectedDeadLetters: 'Rejected metrics that are in the dead-letter topic, where VANTAGE_DEAD_LETTER_INVALID is on',
  rejectedDeadLettersDropped: 'Rejected metrics that the dead-letter topic did not take, or that there was no room for',
  connectionsOverLimit: 'Connections closed at once since VANTAGE_MAX_CONNECTIONS were open',
  idleConnectionsClosed:
    'Connections, idle or with headers that trickle, that were closed a few at a time, as is done where there are many',
  requestsStalled: 'Requests whose connection was closed since the body came, or the answer was read, too slowly',
  samplesMissed: 'Figures of the process itself that the system did not give when they were due',
  logLinesDropped: 'Lines of the log that were dropped since standard output took no more',
  recordsAcknowledged: 'Records acknowledged by Kafka',
  recordsFailed: 'Failures to deliver a record, before any further try',
  acknowledgedBytes: 'Bytes of record values acknowledged by Kafka',
} as const

export type CounterName = keyof typeof counters
export type Counts = Record<CounterName, number>

/**
 * What a worker counts apart by label. A figure of the ledger that is here, too, is the sum of this one, and Prometheus
 * is shown the parts.
 */
export const labelledCounters = {
  httpRequests: { help: 'HTTP requests by route and status', labels: ['route', 'status'] },
  metricsRejected: { help: ledgerFigures.rejected.help, labels: ['reason'] },
  metricsSkipped: { help: ledgerFigures.skipped.help, labels: ['reason'] },
  batchesDoubtful: {
    help: 'Batches that were taken and look wrong, by reason: timestamps in another unit than milliseconds',
    labels: ['reason'],
  },
  formatBatchesReceived: { help: 'Batches by the format that they came in', labels: ['format'] },
  formatMetricsReceived: { help: 'Metrics in the batches that could be parsed, by format', labels: ['format'] },
  formatMetricsAccepted: { help: 'Metrics answered with a success, by format', labels: ['format'] },
  formatMetricsRejected: { help: 'Metrics answered as invalid or refused, by format', labels: ['format'] },
  formatMetricsSkipped: { help: 'Valid metrics without a value to store, by format', labels: ['format'] },
  apiKeyRequests: { help: 'Requests by API key', labels: ['key'] },
  apiKeyMetricsAccepted: { help: 'Metrics answered with a success, by API key', labels: ['key'] },
  problems: { help: 'Error answers by code: docs/errors.md says what each means', labels: ['code'] },
  kafkaBrokerErrors: { help: 'Failed transmissions and time-outs of requests to each broker', labels: ['broker'] },
} as const

export type LabelledCounterName = keyof typeof labelledCounters
/** Counts by the values of their labels, joined by `labelSeparator`. */
export type LabelledCounts = Record<LabelledCounterName, Record<string, number>>

/** Stands in no label value that we give: routes, status codes, reasons, names of brokers. */
export const labelSeparator = ' '
/** Most label values of a counter; what would be more is counted as `other`. */
const maxLabelValues = 200

/** Half a millisecond and up, each bound half or a third above the one before: fine enough for a quantile. */
const durationBounds = [
  0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.048, 0.064, 0.096,
  0.128, 0.256, 0.512, 1.024, 2.048,
]

/** What a worker measures and counts in buckets. Each becomes vantage_collector_<snake_case>. */
export const histograms = {
  httpRequestDurationSeconds: {
    help: 'Time from the headers of a request to its answer, by route',
    label: 'route',
    bounds: durationBounds,
  },
  acknowledgeDurationSeconds: {
    help: 'Time from handing a batch to Kafka to its acknowledgement',
    bounds: durationBounds,
  },
  batchMetrics: {
    help: 'Metrics in a batch',
    bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
  },
  requestBodyBytes: {
    help: 'Bytes of a batch as it was sent',
    bounds: [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216],
  },
} as const satisfies Record<string, { help: string; label?: string; bounds: readonly number[] }>

export type HistogramName = keyof typeof histograms
/** Buckets by the value of the histogram's label, which is '' for one without. */
export type Histograms = Record<HistogramName, Record<string, HistogramCounts>>

/**
 * What a worker holds or measures now. Each becomes vantage_collector_<snake_case>: the sum, the best or the worst of
 * all workers.
 */
export const gauges = {
  journalUp: { help: 'Whether the journal of each worker can be written; 0 where there is none', aggregator: 'min' },
  journalBytes: { help: 'Bytes of the journal on disk, those of dead letters included', aggregator: 'max' },
  journalLimitBytes: { help: 'The most that the journal may take on disk; 0 where there is none', aggregator: 'max' },
  journalBatches: { help: 'Batches in the journal', aggregator: 'sum' },
  journalUnreadable: {
    help: 'Logs and files of the journal that cannot be read, where metrics wait',
    aggregator: 'max',
  },
  journalOldestAgeSeconds: { help: 'Age of the oldest batch in the journal', aggregator: 'max' },
  heldBytes: { help: 'Bytes held until Kafka acknowledges them, against the byte budget', aggregator: 'sum' },
  requestHeldBytes: { help: 'Bytes of bodies and records of requests that are being answered', aggregator: 'sum' },
  connections: { help: 'Open connections', aggregator: 'sum' },
  connectionsLimit: { help: 'Most connections that the workers keep open', aggregator: 'sum' },
  heldLimitBytes: { help: 'The byte budget: the most that may be held', aggregator: 'sum' },
  kafkaUp: { help: 'Whether each worker sees Kafka take records', aggregator: 'min' },
  tlsCertificateExpiryTimestampSeconds: {
    help: 'Unix time at which the certificate expires that the collector shows; 0 without TLS',
    aggregator: 'min',
  },
  residentMemoryBytes: { help: 'Resident memory of the workers', aggregator: 'sum' },
  eventLoopLagSeconds: { help: 'Mean delay of the event loop, of the slowest worker', aggregator: 'max' },
} as const satisfies Record<string, { help: string; aggregator: Aggregator }>

export type Aggregator = 'sum' | 'min' | 'max'
export type GaugeName = keyof typeof gauges
export type Gauges = Record<GaugeName, number>

/** What librdkafka says of its connection to a broker. */
export type BrokerState = {
  /** host:port/id */
  name: string
  up: boolean
  /** Mean round trip of the last seconds; 0 when there was none. */
  rttSeconds: number
}

/** A request that was answered with an error, or of which a part was rejected. Nothing of what was sent is in it. */
export type RecentProblem = {
  /** Unix time in ms. */
  atMs: number
  route: string
  status: number
  /** Absent when the rest of the batch was accepted. */
  code?: ProblemCode
  /** How many metrics were rejected for which reason. */
  rejections: Rejections
}

/** Everything a worker tells the primary of itself, taken in one turn of its event loop, so that the ledger balances. */
export type WorkerSnapshot = {
  ledger: Readonly<LedgerFigures>
  counts: Counts
  labelledCounts: LabelledCounts
  histograms: Histograms
  gauges: Gauges
  cpuSeconds: number
  condition: Condition
  kafka: KafkaFigures
  /** Undefined where there is no journal. */
  journal: JournalFigures | undefined
  brokers: BrokerState[]
  /** Only what has come since the last snapshot. */
  since: { services: [name: string, metrics: number][]; recentProblems: RecentProblem[] }
}

/** Metrics of services that are not told apart. */
export const otherServices = 'other'

const lagIntervalMs = 10
/** Services told apart between two snapshots, which are 250 ms apart at most; the rest is counted together. */
const maxServices = 200
const maxRecentProblems = 20

/** A worker's figures: plain numbers to count in. */
export class Telemetry {
  readonly ledger = new Ledger()
  readonly counts: Counts = zeros(counters)
  readonly gauges: Gauges = zeros(gauges)
  readonly #labelledCounts = emptyMembers(labelledCounters) as LabelledCounts
  readonly #histograms = emptyMembers(histograms) as Histograms
  readonly #eventLoop = monitorEventLoopDelay({ resolution: lagIntervalMs })
  #cpuSeconds = 0
  #services = new Map<string, number>()
  #recentProblems: RecentProblem[] = []

  constructor() {
    this.#eventLoop.enable()
  }

  count(name: LabelledCounterName, labels: string, more = 1): void {
    const counts = this.#labelledCounts[name]
    const known = counts[labels]
    if (known !== undefined) counts[labels] = known + more
    else if (Object.keys(counts).length < maxLabelValues) counts[labels] = more
    else counts.other = (counts.other ?? 0) + more
  }

  observe(name: HistogramName, value: number, label = ''): void {
    const { bounds } = histograms[name]
    const byLabel = this.#histograms[name]
    const counts = byLabel[label] ?? emptyHistogram(bounds)
    byLabel[label] = counts
    observe(bounds, counts, value)
  }

  /** Counts metrics for the service that sent them. */
  countService(service: string, metrics: number): void {
    // A lone surrogate cannot be written as UTF-8, and Prometheus refuses all of a page that has one.
    const known = service.toWellFormed()
    const name = this.#services.has(known) || this.#services.size < maxServices ? known : otherServices
    this.#services.set(name, (this.#services.get(name) ?? 0) + metrics)
  }

  /** Notes a problem, which shows among the recent ones. */
  noteProblem(problem: Omit<RecentProblem, 'atMs'>): void {
    this.#recentProblems.push({ atMs: Date.now(), ...problem })
    if (this.#recentProblems.length > maxRecentProblems) this.#recentProblems.shift()
  }

  /** A figure that the system does not give, as with too many open files, stays what it was: it must not end the worker. */
  #sample(take: () => void): void {
    try {
      take()
    } catch {
      this.counts.samplesMissed++
    }
  }

  /** @param more how this worker is, and what it sees of Kafka and of the journal */
  snapshot(more: Pick<WorkerSnapshot, 'condition' | 'kafka' | 'journal' | 'brokers'>): WorkerSnapshot {
    this.#sample(() => {
      this.gauges.residentMemoryBytes = process.memoryUsage.rss()
    })
    // Samples contain the interval at which they are taken; the mean is NaN until there is one.
    const meanMs = this.#eventLoop.mean / 1e6
    this.gauges.eventLoopLagSeconds = Math.max(0, meanMs - lagIntervalMs || 0) / 1000
    this.#eventLoop.reset()
    this.#sample(() => {
      const { user, system } = process.cpuUsage()
      this.#cpuSeconds = (user + system) / 1e6
    })
    const since = { services: [...this.#services], recentProblems: this.#recentProblems }
    this.#services = new Map()
    this.#recentProblems = []
    return {
      ledger: this.ledger.figures,
      counts: this.counts,
      labelledCounts: this.#labelledCounts,
      histograms: this.#histograms,
      gauges: this.gauges,
      cpuSeconds: this.#cpuSeconds,
      ...more,
      since,
    }
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

/** Room for what is counted by label, for each name of a table. */
export function emptyMembers<K extends string>(table: Record<K, unknown>): Record<K, Record<string, never>> {
  return Object.fromEntries(namesOf(table).map((name) => [name, {}])) as Record<K, Record<string, never>>
}
