import { binding, type TopicState } from './native/binding.js'
import type { RecordBatch } from './record-batch.js'
import type { Shipment } from './shipment.js'

/** A partition that fell silent and has nothing to acknowledge any more is tried again so often. */
const tryEveryMs = 5000

/** A partition that has a leader and does not acknowledge. */
type Silence = {
  /** What librdkafka still holds for it. */
  readonly waiting: Set<Shipment>
  acknowledges: boolean
}

export type PartitionsOptions = {
  topic: string
  /** librdkafka's name of what gives a key its partition. */
  partitioner: string
  /** Called with the description of the partitions, whenever it changes. */
  onChange: (description: string) => void
}

/**
 * Which partitions of the topic take no records at the moment, although others may. Looked at only while there are some: where all
 * is well, no key's partition is worked out.
 */
export class Partitions {
  readonly #options: PartitionsOptions
  #count = 0
  #leaderless: ReadonlySet<number> = new Set()
  readonly #silences = new Map<number, Silence>()
  readonly #retries = new Set<NodeJS.Timeout>()
  #description = ''

  constructor(options: PartitionsOptions) {
    this.#options = options
  }

  /** Whether some take no records. */
  get someAway(): boolean {
    return this.#leaderless.size > 0 || this.#silences.size > 0
  }

  /** Whether none takes records. */
  get allAway(): boolean {
    return this.#count > 0 && this.#away.size >= this.#count
  }

  /** "3 of 6 partitions of metrics-raw take no records: ..."; '' when all do. It changes with each partition that comes or goes. */
  get description(): string {
    return this.#description
  }

  /** Takes in what the brokers say of the topic. */
  describe({ partitions, leaderless }: TopicState): void {
    if (partitions === this.#count && leaderless.length === 0 && this.#leaderless.size === 0) return
    this.#count = partitions
    this.#leaderless = new Set(leaderless)
    this.#update()
  }

  /** Whether a record of the batch belongs to a partition that takes none. A batch without keys can go to any other. */
  isAway(batch: RecordBatch): boolean {
    if (!this.someAway) return false
    return this.#partitionsOf(batch).some((partition) => this.#isAway(partition))
  }

  /** A partition for a batch without keys, so that none of it goes to one that takes no records; undefined for any. */
  choose({ keys }: RecordBatch): number | undefined {
    if (!this.someAway || keys.length > 0) return undefined
    const present = Array.from({ length: this.#count }, (_, n) => n).filter((partition) => !this.#isAway(partition))
    return present[Math.floor(Math.random() * present.length)]
  }

  /** The shipment was not acknowledged in time. Whether it shows which partition is to blame. */
  timedOut(shipment: Shipment): boolean {
    const [partition, ...others] = this.#partitionsOf(shipment.batch)
    if (partition === undefined || others.length > 0) return false
    const silence = this.#silences.get(partition) ?? { waiting: new Set(), acknowledges: false }
    silence.waiting.add(shipment)
    this.#silences.set(partition, silence)
    this.#update()
    return true
  }

  /** Nothing of the shipment is on its way any more. */
  finished(shipment: Shipment): void {
    if (this.#silences.size === 0) return
    for (const [partition, silence] of this.#silences) {
      if (!silence.waiting.delete(shipment)) continue
      silence.acknowledges ||= shipment.delivered.records > 0
      if (silence.waiting.size > 0) continue
      if (silence.acknowledges) this.#end(partition, silence)
      else this.#endLater(partition, silence)
    }
  }

  stop(): void {
    for (const timer of this.#retries) clearTimeout(timer)
  }

  #endLater(partition: number, silence: Silence): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer)
      if (silence.waiting.size === 0) this.#end(partition, silence)
    }, tryEveryMs)
    this.#retries.add(timer)
  }

  #end(partition: number, silence: Silence): void {
    if (this.#silences.get(partition) !== silence) return
    this.#silences.delete(partition)
    this.#update()
  }

  get #away(): Set<number> {
    return new Set([...this.#leaderless, ...this.#silences.keys()])
  }

  #isAway(partition: number): boolean {
    return this.#leaderless.has(partition) || this.#silences.has(partition)
  }

  /** Each once; none where chance decides. */
  #partitionsOf({ keys }: RecordBatch): number[] {
    if (this.#count === 0) return []
    const { partitioner } = this.#options
    const partitions = keys.map((key) => binding.partitionOf(partitioner, key, this.#count))
    return [...new Set(partitions)].filter((partition) => partition >= 0)
  }

  #update(): void {
    const away = this.#away
    const { topic, onChange } = this.#options
    const silent = [...this.#silences.keys()].filter((partition) => !this.#leaderless.has(partition))
    const reasons = [
      ...(this.#leaderless.size === 0 ? [] : [`no leader: ${listOf([...this.#leaderless])}`]),
      ...(silent.length === 0 ? [] : [`no acknowledgement: ${listOf(silent)}`]),
    ].join('; ')
    const description =
      away.size === 0 ? '' : `${away.size} of ${this.#count} partitions of ${topic} take no records (${reasons})`
    if (description === this.#description) return
    this.#description = description
    onChange(description)
  }
}

const mostListed = 20

function listOf(partitions: number[]): string {
  const shown = partitions.sort((a, b) => a - b).slice(0, mostListed)
  return shown.join(', ') + (partitions.length > mostListed ? ', ...' : '')
}
