// What does a broker that stops answering do to rate, latency and memory, and how soon is all well again?

import { setTimeout as pause } from 'node:timers/promises'
import { atPercentileMs, createHistogram } from '../lib/load/histogram.js'
import type { AgentLedger } from '../lib/load/ledger.js'
import { type LoadResult, type OnSample, runLoad } from '../lib/load/load.js'
import { defaultLoad } from '../lib/load/options.js'
import { batchOf } from '../tools/batches.js'
import { waitFor } from '../tools/wait-for.js'
import type { BenchKafka } from './kafka.js'
import { type Bench, type BenchCollector, type Findings, type Plot, Samples, type Series } from './subject.js'
import { audit } from './topic.js'

const metricsPerSecond = 20_000
/** Ten minutes of the load take 4 GiB. */
const env = { VANTAGE_JOURNAL_MAX_MB: '16384' }
/** Long enough for connections to be given up. */
const refusedForMs = 10_000
/** For what is left in the journal when the load has ended. */
const drainTimeoutMs = 600_000
const mebibyte = 2 ** 20

const phases = ['before', 'while it is stopped', 'while the journal is sent', 'after'] as const
type Phase = (typeof phases)[number]

type Lengths = { before: number; stopped: number; after: number }

export async function outage(bench: Bench): Promise<Findings> {
  const { kafka, options } = bench
  if (kafka.outage === undefined) return { figures: [], plots: [], notes: ['Not run: the broker is not ours to stop.'] }
  const refused = await withoutJournal(bench, kafka.outage)
  const { begin, end } = kafka.outage
  const lengths = lengthsOf(options)
  return bench.withCollector({ env }, async (subject) => {
    const course = new Course(subject)
    const load = { ...defaultLoad, url: `${subject.collector.url}/v1/metrics`, connections: 64, metricsPerSecond }
    const seconds = lengths.before + lengths.stopped + lengths.after
    const running = runLoad({ ...load, warmUpSeconds: 0, seconds }, course.add)
    await pause(1000 * lengths.before)
    begin()
    course.enter('while it is stopped')
    options.report(`the broker is stopped for ${lengths.stopped} s`)
    await pause(1000 * lengths.stopped)
    end()
    course.enter('while the journal is sent')
    options.report('the broker goes on')
    const { result, ledgers } = await running
    await course.end()
    const sent = async () => (await subject.collector.stats()).journal.metrics_waiting === 0
    await waitFor(sent, 'the journal to be sent', drainTimeoutMs)
    const notes = [...course.notes(result, lengths), ...(await auditOf(bench, subject, ledgers))]
    return { figures: [...course.figures(), ...refused.figures], notes, plots: course.plots(lengths) }
  })
}

/** How long a client waits for the 503 of its first batch, and then for a 202 once the broker is back. */
function withoutJournal(bench: Bench, { begin, end }: NonNullable<BenchKafka['outage']>): Promise<Samples> {
  return bench.withCollector({ env: { VANTAGE_JOURNAL_DIR: '' } }, async ({ collector }) => {
    const samples = new Samples()
    const answered = (status: number) => async () => (await collector.post(batchOf(1))).status === status
    for (let run = 1; run <= bench.options.runs; run++) {
      begin()
      const stoppedAt = performance.now()
      if (!(await answered(503)())) throw new Error('a batch was taken while the broker is stopped')
      samples.add('without a journal: the first 503 after the broker is stopped', 'ms', performance.now() - stoppedAt)
      await pause(refusedForMs)
      end()
      const backAt = performance.now()
      await waitFor(answered(202), 'a batch to be taken')
      samples.add('without a journal: the first 202 after it goes on', 'ms', performance.now() - backAt)
    }
    return samples
  })
}

function lengthsOf({ quick, seconds }: Bench['options']): Lengths {
  if (quick) return { before: 4, stopped: 4, after: 4 }
  return { before: Math.max(20, seconds / 5), stopped: 2 * seconds, after: Math.max(20, seconds) }
}

async function auditOf({ kafka }: Bench, { topic }: BenchCollector, ledgers: AgentLedger[]): Promise<string[]> {
  if (!kafka.keepsAll) return []
  const { expected, missing, twice } = await audit(kafka.bootstrap, topic, ledgers)
  return [`Of ${expected} metrics answered 202, ${missing} are missing in the topic, ${twice} there twice.`]
}

/** What is seen from second to second. */
class Course {
  readonly #collector: BenchCollector['collector']
  readonly #latencies = new Map(phases.map((phase) => [phase, createHistogram()]))
  /** The most that any worker had, in MiB. */
  readonly #memory = new Map<Phase, number>()
  readonly #rates: Series = { name: 'accepted', points: [] }
  readonly #p99: Series = { name: 'p99', points: [] }
  readonly #journal: Series = { name: 'journal', points: [] }
  readonly #workers = new Map<number, Series>()
  readonly #looks: Promise<void>[] = []
  #phase: Phase = 'before'
  #journaled = 0
  #sentAfterSeconds: number | undefined
  #enteredAt = performance.now()

  constructor({ collector }: BenchCollector) {
    this.#collector = collector
  }

  enter(phase: Phase): void {
    this.#phase = phase
    this.#enteredAt = performance.now()
  }

  readonly add: OnSample = ({ second, metricsPerSecond, p99Ms }, latency) => {
    this.#latencies.get(this.#phase)?.add(latency)
    this.#rates.points.push([second, metricsPerSecond])
    this.#p99.points.push([second, p99Ms])
    this.#looks.push(this.#look(second))
  }

  async end(): Promise<void> {
    await Promise.all(this.#looks)
  }

  async #look(second: number): Promise<void> {
    const phase = this.#phase
    const { journal, workers } = await this.#collector.stats()
    this.#journaled = journal.metrics_journaled
    this.#journal.points.push([second, journal.bytes / mebibyte])
    for (const [index, { resident_memory_bytes }] of workers.entries()) {
      const mebibytes = resident_memory_bytes / mebibyte
      const series = this.#workers.get(index) ?? { name: `worker ${index + 1}`, points: [] }
      this.#workers.set(index, series)
      series.points.push([second, mebibytes])
      this.#memory.set(phase, Math.max(this.#memory.get(phase) ?? 0, mebibytes))
    }
    if (phase !== 'while the journal is sent' || this.#phase !== phase || journal.metrics_waiting > 0) return
    this.#sentAfterSeconds = (performance.now() - this.#enteredAt) / 1000
    this.enter('after')
  }

  figures(): Findings['figures'] {
    const samples = new Samples()
    for (const phase of phases) {
      const latency = this.#latencies.get(phase)
      if (latency === undefined || latency.totalCount === 0) continue
      for (const percentile of [50, 99, 100]) {
        const name = percentile === 100 ? 'longest wait' : `p${percentile}`
        samples.add(`${name} ${phase}`, 'ms', atPercentileMs(latency, percentile))
      }
      samples.add(`most memory of a worker ${phase}`, 'MiB', this.#memory.get(phase) ?? NaN)
    }
    return samples.figures
  }

  notes({ outcomes }: LoadResult, { stopped }: Lengths): string[] {
    const sent = this.#sentAfterSeconds
    return [
      `Answers over all: ${JSON.stringify(outcomes)}; ${this.#journaled} metrics went to the journal.`,
      sent === undefined
        ? 'The journal was not sent in full before the load ended; it was afterwards.'
        : `The journal of ${stopped} s was sent in full ${Math.round(sent)} s after the broker came back, under the same load.`,
    ]
  }

  plots({ before, stopped }: Lengths): Plot[] {
    const title = `${metricsPerSecond} metrics/s due; the broker is stopped from ${before} s to ${before + stopped} s`
    const plot = { title, x: 's', scale: { x: 'value', y: 'value' } } as const
    return [
      { ...plot, y: 'metrics/s', series: [this.#rates] },
      { ...plot, y: 'ms', scale: { x: 'value', y: 'log' }, series: [this.#p99] },
      { ...plot, y: 'MiB of memory', series: [...this.#workers.values()] },
      { ...plot, y: 'MiB on disk', series: [this.#journal] },
    ]
  }
}
