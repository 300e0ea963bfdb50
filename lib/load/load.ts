import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { now } from './clock.js'
import { atPercentileMs, createHistogram, decode, encode, type Histogram } from './histogram.js'
import type { AgentLedger } from './ledger.js'
import type { LoadOptions } from './options.js'
import type { SenderReport } from './sender.js'

export const percentiles = [50, 90, 99, 99.9, 99.99] as const

/** Of one second of the measurement. */
export type Sample = { second: number; metricsPerSecond: number; p50Ms: number; p99Ms: number; maxMs: number }

export type LoadResult = {
  options: LoadOptions
  /** Valid metrics answered 2xx within the measured time, a second. */
  metricsPerSecond: number
  requests: number
  /** Answers by status, and failures by their reason. */
  outcomes: Record<string, number>
  /** In milliseconds; null if the load generator was too late to measure. */
  latencyMs: Record<string, number> | null
  /** HdrHistogram's compressed form, in microseconds. */
  histogram: string
  generator: { lagP99Ms: number; lagMaxMs: number; utilization: number }
  /** Why its figures cannot be trusted. */
  objection: string | null
  timeline: Sample[]
}

/** A busier sender may itself limit a closed loop. */
const maxUtilization = 0.95
/** How long the senders have to get ready. */
const headStartMs = 300
const reportsPerSample = 2

/** `latency` is that of the sample's second. */
export type OnSample = (sample: Sample, latency: Histogram) => void

/** Runs a load. `ledgers` list what must be in the topic. Rejects when a sender fails. */
export async function runLoad(
  options: LoadOptions,
  onSample: OnSample = () => undefined,
): Promise<{ result: LoadResult; ledgers: AgentLedger[] }> {
  const count = Math.min(options.processes, options.connections)
  const senders = Array.from({ length: count }, () => fork(new URL('sender.js', import.meta.url)))
  try {
    await Promise.all(senders.map((sender, process) => prepare(sender, { ...options, processes: count }, process)))
    const collection = new Collection(options, count, onSample)
    const startAtMs = now() + headStartMs
    await Promise.all(
      senders.map((sender) => {
        sender.send({ startAtMs })
        return collectFrom(sender, (report) => collection.add(report))
      }),
    )
    return { result: collection.result(), ledgers: collection.ledgers }
  } finally {
    for (const sender of senders) sender.kill()
  }
}

async function prepare(sender: ChildProcess, options: LoadOptions, process: number): Promise<void> {
  const ready = once(sender, 'message')
  sender.send({ options, process })
  await ready
}

function collectFrom(sender: ChildProcess, onReport: (report: SenderReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    sender.on('message', onReport)
    sender.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a sender ended with code ${code}`))))
  })
}

/** Sums up what the senders report. */
class Collection {
  readonly ledgers: AgentLedger[] = []
  readonly #options: LoadOptions
  readonly #senders: number
  readonly #onSample: OnSample
  readonly #latency = createHistogram()
  readonly #lag = createHistogram()
  readonly #outcomes: Record<string, number> = {}
  readonly #timeline: Sample[] = []
  readonly #utilizations: number[] = []
  #acceptedMetrics = 0
  #sample = freshSample()

  constructor(options: LoadOptions, senders: number, onSample: OnSample) {
    this.#options = options
    this.#senders = senders
    this.#onSample = onSample
  }

  add({ outcomes, acceptedMetrics, latency, lag, utilization, ledgers }: SenderReport): void {
    const reported = decode(latency)
    this.#latency.add(reported)
    this.#lag.add(decode(lag))
    for (const [label, count] of Object.entries(outcomes)) this.#outcomes[label] = (this.#outcomes[label] ?? 0) + count
    this.#acceptedMetrics += acceptedMetrics
    if (ledgers !== undefined) this.ledgers.push(...ledgers)
    else if (reported.totalCount > 0) this.#utilizations.push(utilization)
    this.#sample.latency.add(reported)
    this.#sample.acceptedMetrics += acceptedMetrics
    if (++this.#sample.reports === reportsPerSample * this.#senders) this.#closeSample()
  }

  result(): LoadResult {
    const { seconds } = this.#options
    const generator = {
      lagP99Ms: atPercentileMs(this.#lag, 99),
      lagMaxMs: atPercentileMs(this.#lag, 100),
      utilization: this.#utilizations.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#utilizations.length),
    }
    const objection = this.#objectionTo(generator)
    return {
      options: this.#options,
      metricsPerSecond: this.#acceptedMetrics / seconds,
      requests: this.#latency.totalCount,
      outcomes: this.#outcomes,
      latencyMs: objection === null ? percentilesOf(this.#latency) : null,
      histogram: encode(this.#latency),
      generator,
      objection,
      timeline: this.#timeline,
    }
  }

  #objectionTo({ lagP99Ms, utilization }: LoadResult['generator']): string | null {
    if (lagP99Ms > this.#options.maxLagMs)
      return `the load generator itself was late: 1 % of requests by ${lagP99Ms.toFixed(1)} ms or more`
    const closedLoop = this.#options.metricsPerSecond === null
    if (closedLoop && utilization > maxUtilization)
      return `the load generator was busy ${Math.round(100 * utilization)} % of the time`
    return null
  }

  #closeSample(): void {
    const { latency, acceptedMetrics } = this.#sample
    this.#sample = freshSample()
    if (latency.totalCount === 0) return
    const sample = {
      second: this.#timeline.length + 1,
      metricsPerSecond: acceptedMetrics,
      p50Ms: atPercentileMs(latency, 50),
      p99Ms: atPercentileMs(latency, 99),
      maxMs: atPercentileMs(latency, 100),
    }
    this.#timeline.push(sample)
    this.#onSample(sample, latency)
  }
}

function freshSample(): { reports: number; acceptedMetrics: number; latency: Histogram } {
  return { reports: 0, acceptedMetrics: 0, latency: createHistogram() }
}

function percentilesOf(histogram: Histogram): Record<string, number> {
  const named = percentiles.map((percentile) => [`p${percentile}`, atPercentileMs(histogram, percentile)])
  return { ...Object.fromEntries(named), max: atPercentileMs(histogram, 100) }
}
