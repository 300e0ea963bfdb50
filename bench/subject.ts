import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentLedger } from '../lib/load/ledger.js'
import { type LoadResult, runLoad } from '../lib/load/load.js'
import { defaultLoad, type LoadOptions } from '../lib/load/options.js'
import { Collector } from '../tools/collector.js'
import { countArrivals } from '../tools/kafka-admin.js'
import { waitFor } from '../tools/wait-for.js'
import type { BenchKafka } from './kafka.js'
import { type Usage, usageOf } from './usage.js'
import { besideYardstick } from './yardstick.js'

/** One measured quantity, with a sample for each run: what `bench compare` compares. */
export type Figure = {
  /** What was measured under which circumstances; the same from run to run. */
  name: string
  unit: 'metrics/s' | 'ms' | 'µs' | 'MiB'
  better: 'higher' | 'lower'
  samples: number[]
  /** What fixed work cost beside each sample, where that was measured: compare divides by it. */
  yardstick?: number[]
}

/** Points (x, y) under a name, for a plot. */
export type Series = { name: string; points: [x: number | string, y: number][] }
export type Plot = {
  title: string
  x: string
  y: string
  /** Of the axes; "category" spreads what is no number evenly. */
  scale: { x: 'value' | 'log' | 'category'; y: 'value' | 'log' }
  series: Series[]
}

/** What a subject has found. Notes are what figures do not say, such as why something was not run. */
export type Findings = { figures: Figure[]; plots: Plot[]; notes: string[] }

export type Subject = (bench: Bench) => Promise<Findings>

export type BenchOptions = {
  quick: boolean
  runs: number
  seconds: number
  /** The command of a shell that starts another collector, for `side-by-side`. */
  other?: string
  report: (line: string) => void
}

/** How the collector is started; `command` instead of this build. */
export type Subjected = { env: Record<string, string>; nodeArgs?: string[]; command?: string }

export type ServerMeasurement = {
  result: LoadResult
  ledgers: AgentLedger[]
  /** Of the server's processes together, over the measured time and a little before it. */
  cpuMicrosecondsPerMetric: number
  residentMiB: number
}

export type Measurement = ServerMeasurement & {
  topic: string
  /** Microseconds of fixed work, before and after. */
  yardstick: number
  /** From its start, the time before the measurement included. */
  acceptedMetrics: number
}

/** Puts a server, whose first process is `pid`, under load. */
export async function measureServer(pid: number, options: LoadOptions): Promise<ServerMeasurement> {
  let before: Usage | undefined
  let first = 0
  const { result, ledgers } = await runLoad(options, ({ second }) => {
    if (before !== undefined) return
    before = usageOf(pid)
    first = second
  })
  const after = usageOf(pid)
  const measured = result.timeline.filter(({ second }) => second > first)
  const metrics = measured.reduce((sum, { metricsPerSecond }) => sum + metricsPerSecond, 0)
  return {
    result,
    ledgers,
    cpuMicrosecondsPerMetric: (1e6 * (after.cpuSeconds - (before?.cpuSeconds ?? NaN))) / metrics,
    residentMiB: after.residentMiB,
  }
}

const kafkaWarmUpSeconds = 20
const yardstickMs = 200

/** What subjects measure with. */
export class Bench {
  readonly kafka: BenchKafka
  readonly options: BenchOptions
  readonly workers = Math.min(2, availableParallelism())
  #topics = 0

  constructor(kafka: BenchKafka, options: BenchOptions) {
    this.kafka = kafka
    this.options = options
  }

  async createTopic(): Promise<string> {
    const topic = `bench-${process.pid}-${++this.#topics}`
    await this.kafka.createTopic(topic)
    return topic
  }

  /** A broker that has just started is slow, since its code is still being compiled: what comes first would have it worst. */
  async warmUpKafka(): Promise<void> {
    this.options.report('warming up the broker')
    await this.measure({ env: {} }, { warmUpSeconds: kafkaWarmUpSeconds })
  }

  /** Starts a collector on a topic of its own, measures with it and ends it. */
  async withCollector<T>(
    { env, nodeArgs = [], command }: Subjected,
    use: (collector: BenchCollector) => Promise<T>,
  ): Promise<T> {
    const topic = await this.createTopic()
    const journal = await mkdtemp(join(tmpdir(), 'vantage-bench-'))
    const collector = new Collector({
      kafka: this.kafka.bootstrap,
      env: {
        VANTAGE_KAFKA_TOPIC: topic,
        VANTAGE_API_WORKERS: String(this.workers),
        VANTAGE_JOURNAL_DIR: journal,
        ...env,
      },
      nodeArgs,
      ...(command !== undefined && { command }),
    })
    try {
      await collector.listening()
      await waitFor(async () => (await collector.get('/ready')).status === 200, 'the collector to be ready')
      return await use({ collector, topic })
    } finally {
      await collector.end()
      await rm(journal, { recursive: true })
    }
  }

  /**
   * Puts a fresh collector under load, and checks that the topic has got what was accepted.
   *
   * @param look begins to do something beside the load, and gives what ends it
   */
  measure(
    subjected: Subjected,
    load: Partial<LoadOptions>,
    look: (url: string) => () => Promise<void> = () => async () => undefined,
  ): Promise<Measurement> {
    return this.withCollector(subjected, async ({ collector, topic }) => {
      const endLook = look(collector.url)
      const { found: measured, yardstick } = await besideYardstick(yardstickMs, () =>
        this.measureRunning(collector, load).finally(endLook),
      )
      const stats = await collector.stats()
      await this.#check(topic, stats.kafka.records_acknowledged)
      return { ...measured, topic, yardstick, acceptedMetrics: stats.ingestion.metrics_accepted }
    })
  }

  /** Puts a collector that runs already under load. */
  measureRunning(collector: Collector, load: Partial<LoadOptions>): Promise<ServerMeasurement> {
    const options = { ...defaultLoad, warmUpSeconds: 1, seconds: this.options.seconds, ...load }
    return measureServer(collector.process.pid ?? 0, { ...options, url: `${collector.url}/v1/metrics` })
  }

  /** @throws {Error} where the topic holds fewer records than the brokers are said to have acknowledged */
  async #check(topic: string, acknowledged: number): Promise<void> {
    const records = await countArrivals(this.kafka.bootstrap, topic)
    if (records < acknowledged) throw new Error(`${topic} has ${records} records of ${acknowledged} acknowledged ones`)
  }
}

export type BenchCollector = { collector: Collector; topic: string }

/** Collects samples under names, in the order of their first mention. */
export class Samples {
  readonly #figures = new Map<string, Figure>()

  add(name: string, unit: Figure['unit'], sample: number, yardstick?: number): void {
    const better = unit === 'metrics/s' ? 'higher' : 'lower'
    const figure = this.#figures.get(name) ?? { name, unit, better, samples: [] }
    this.#figures.set(name, figure)
    figure.samples.push(sample)
    if (yardstick !== undefined) figure.yardstick = [...(figure.yardstick ?? []), yardstick]
  }

  /** Percentiles of a load's latency, all or those named; nothing where the load did not tell them. */
  addLatency(name: string, { latencyMs }: LoadResult, percentiles = Object.keys(latencyMs ?? {})): void {
    if (latencyMs === null) return
    for (const percentile of percentiles) this.add(`${percentile}, ${name}`, 'ms', latencyMs[percentile] ?? NaN)
  }

  get figures(): Figure[] {
    return [...this.#figures.values()]
  }
}
