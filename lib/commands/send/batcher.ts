import type { Entry, Envelope } from './read-entries.js'

/** The metrics of one request. */
export type Batch = {
  body: Buffer
  /** Where metric i stands in the input. */
  origins: string[]
}

export type BatcherOptions = { maxMetrics: number; lingerMs: number }

type Open = { envelope: Envelope; entries: Entry[]; bytes: number; since: number }

/** Largest body, below the 10 MiB that a collector takes by default. */
const maxBytes = 8 * 2 ** 20
/** Most batches that fill at a time, one for each envelope. Beyond that, the oldest one is sent as it is. */
const maxOpen = 1000

/** Gathers metrics into batches: those of one envelope, which means of one service, go together. */
export class Batcher {
  readonly #options: BatcherOptions
  readonly #open = new Map<string, Open>()

  constructor(options: BatcherOptions) {
    this.#options = options
  }

  /** Adds a metric; returns the batch that is now due, if any. */
  add(entry: Entry): Batch | undefined {
    const key = JSON.stringify(entry.envelope)
    const open = this.#open.get(key)
    if (open === undefined) {
      this.#open.set(key, { envelope: entry.envelope, entries: [entry], bytes: entry.metric.length, since: Date.now() })
      return this.#open.size > maxOpen || this.#options.maxMetrics === 1 ? this.#takeOldest() : undefined
    }
    if (open.bytes + entry.metric.length > maxBytes) {
      const batch = this.#take(key, open)
      this.add(entry)
      return batch
    }
    open.entries.push(entry)
    open.bytes += entry.metric.length + 1
    return open.entries.length >= this.#options.maxMetrics ? this.#take(key, open) : undefined
  }

  /** The batch whose first metric has waited long enough, if any. */
  takeDue(): Batch | undefined {
    const [oldest] = this.#open.values()
    return oldest !== undefined && Date.now() - oldest.since >= this.#options.lingerMs ? this.#takeOldest() : undefined
  }

  /** Everything that is left, batch by batch. */
  *takeAll(): Generator<Batch> {
    for (const [key, open] of this.#open) yield this.#take(key, open)
  }

  #takeOldest(): Batch | undefined {
    for (const [key, open] of this.#open) return this.#take(key, open)
    return undefined
  }

  #take(key: string, { envelope, entries }: Open): Batch {
    this.#open.delete(key)
    return { body: bodyOf(envelope, entries), origins: entries.map(({ origin }) => origin) }
  }
}

function bodyOf(envelope: Envelope, entries: Entry[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`${JSON.stringify(envelope).slice(0, -1)},"metrics":[`)]
  const comma = Buffer.from(',')
  for (const { metric } of entries) parts.push(metric, comma)
  parts[parts.length - 1] = Buffer.from(']}')
  return Buffer.concat(parts)
}
