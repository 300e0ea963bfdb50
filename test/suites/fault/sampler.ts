import type { Stage } from './stage.js'

/** The state of the run at one moment; amounts are those since the sample before, a second. */
export type Sample = {
  atS: number
  kafka: number
  journal: number
  memory: number
  unavailable: number
  lost: number
  /** Records read from the topic. */
  read: number
  /** What the collector says of itself; undefined while none answers. */
  collector: { journalMetrics: number; journalMiB: number; workersMiB: number; balance: number } | undefined
}

type Totals = Pick<Sample, 'kafka' | 'journal' | 'memory' | 'unavailable' | 'lost' | 'read'>

const everyMs = 1000
const mebibyte = 2 ** 20

/** Looks at everything once a second. */
export class Sampler {
  readonly samples: Sample[] = []
  readonly #stage: Stage
  readonly #elapsedS: () => number
  #before: Totals & { atS: number }
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()

  constructor(stage: Stage, elapsedS: () => number) {
    this.#stage = stage
    this.#elapsedS = elapsedS
    this.#before = { ...this.#totals(), atS: elapsedS() }
  }

  start(onSample: (sample: Sample) => void): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(async () => onSample(await this.#look()))
    }, everyMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  async #look(): Promise<Sample> {
    const stats = await this.#stage.supervisor.stats()
    this.#stage.supervisor.workers()
    const now = { ...this.#totals(), atS: this.#elapsedS() }
    const before = this.#before
    this.#before = now
    const seconds = now.atS - before.atS
    const rate = (name: keyof Totals) => (now[name] - before[name]) / seconds
    const sample: Sample = {
      ...{ atS: now.atS, kafka: rate('kafka'), journal: rate('journal'), memory: rate('memory') },
      ...{ unavailable: rate('unavailable'), lost: rate('lost'), read: rate('read') },
      collector: stats && {
        journalMetrics: stats.journal.metrics_waiting,
        journalMiB: stats.journal.bytes / mebibyte,
        workersMiB: stats.workers.reduce((sum, { resident_memory_bytes }) => sum + resident_memory_bytes, 0) / mebibyte,
        balance: stats.ledger.difference ?? 0,
      },
    }
    this.samples.push(sample)
    return sample
  }

  #totals(): Totals {
    const { agents, reader } = this.#stage
    const { kafka, journal, memory, unavailable, lost } = agents.counts
    return { kafka, journal, memory, unavailable, lost, read: reader.records }
  }
}
