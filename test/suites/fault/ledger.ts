/** How the last 202 of a batch was meant. */
export type Durability = 'kafka' | 'journal' | 'memory'

/** Why an agent sends a batch again that may have been taken. */
export type ResendReason = 'answered 503' | 'answer lost'

/** What is known of one batch; its metrics are numbered from `first` on. */
export type LedgerBatch = {
  readonly first: number
  readonly count: number
  readonly service: string
  /** When it was first sent, answered 202, and last seen in the topic, on the clock of performance.now(). */
  sentAtMs: number
  answeredAtMs: number
  seenAtMs: number
  resends: ResendReason[]
  durability: Durability | undefined
}

/** Something that happened to the collector and can make it send again what Kafka has. */
export type Incident = { atMs: number; kind: 'collector killed' | 'producer replaced' | 'records sent again' }

export const duplicateCauses = [
  'agent sent again after a 503',
  'agent sent again after its answer was lost',
  'collector killed before its journal knew of the acknowledgement',
  'journaled after a time-out while Kafka had it already',
  'producer replaced before it knew of the acknowledgement',
  'sent again because Kafka seemed not to have taken it',
  'unexplained',
] as const

export type DuplicateCause = (typeof duplicateCauses)[number]

export type Comparison = {
  answered202: number
  byDurability: Record<Durability, number>
  /** Metrics that were answered 202 and are not in the topic; of the first few batches, the first by number. */
  missing: number
  firstMissing: { id: number; batch: LedgerBatch }[]
  /** Records in the topic beyond the first of each metric. */
  duplicates: Record<DuplicateCause, number>
  /** Metrics in the topic that were never answered 202, as after a 503 that came too early. */
  withoutAnswer: number
  /** Records whose metric was never sent. */
  foreign: number
  /** Batches that were never answered 202, although the agents went on until all was healed. */
  unanswered: number
}

/** That records are sent again is logged once a second. */
const logEveryMs = 1000
const shownMissing = 20
/** A metric that is there more often than this is counted as being there this often. */
const maxCopies = 255

/**
 * Every metric that was sent, by number: whether it was answered 202, and how often it is in the topic. A byte a
 * metric and an object a batch, so that 20 million metrics take some 60 MB.
 */
export class Ledger {
  readonly batches: LedgerBatch[] = []
  readonly incidents: Incident[] = []
  readonly #copies: Uint8Array
  #sent = 0
  #foreign = 0

  /** @param capacity the most metrics that will be sent */
  constructor(capacity: number) {
    this.#copies = new Uint8Array(capacity)
  }

  /** Numbers the metrics of a new batch. Undefined when the capacity is used up. */
  open(count: number, service: string): LedgerBatch | undefined {
    if (this.#sent + count > this.#copies.length) return undefined
    const batch = {
      first: this.#sent,
      count,
      service,
      sentAtMs: 0,
      answeredAtMs: 0,
      seenAtMs: 0,
      resends: [],
      durability: undefined,
    }
    this.#sent += count
    this.batches.push(batch)
    return batch
  }

  /** Notes records that were read from the topic: `count` metrics with numbers from `first` on, once each. */
  see(first: number, count: number, atMs: number): void {
    for (let id = first; id < first + count; id++) {
      const copies = this.#copies[id]
      if (copies === undefined || id >= this.#sent) this.#foreign++
      else if (copies < maxCopies) this.#copies[id] = copies + 1
    }
    for (let n = this.#indexOf(first); n < this.batches.length; n++) {
      const batch = this.batches[n]
      if (batch === undefined || batch.first >= first + count) return
      batch.seenAtMs = atMs
    }
  }

  compare(): Comparison {
    const comparison: Comparison = {
      answered202: 0,
      byDurability: { kafka: 0, journal: 0, memory: 0 },
      missing: 0,
      firstMissing: [],
      duplicates: Object.fromEntries(duplicateCauses.map((cause) => [cause, 0])) as Comparison['duplicates'],
      withoutAnswer: 0,
      foreign: this.#foreign,
      unanswered: 0,
    }
    for (const batch of this.batches) this.#compareBatch(batch, comparison)
    return comparison
  }

  #compareBatch(batch: LedgerBatch, comparison: Comparison): void {
    const { first, count, durability } = batch
    if (durability === undefined) comparison.unanswered++
    else {
      comparison.answered202 += count
      comparison.byDurability[durability] += count
    }
    for (let id = first; id < first + count; id++) {
      const copies = this.#copies[id] ?? 0
      if (copies > 0 && durability === undefined) comparison.withoutAnswer++
      if (copies === 0 && durability !== undefined) {
        comparison.missing++
        const { firstMissing } = comparison
        if (firstMissing.length < shownMissing && firstMissing.at(-1)?.batch !== batch) firstMissing.push({ id, batch })
      }
      for (let extra = 0; extra < copies - 1; extra++) comparison.duplicates[this.#causeOf(batch, extra)]++
    }
  }

  /** Each time that a batch was sent again explains one more copy; what is beyond that is the collector's doing. */
  #causeOf({ resends, durability, sentAtMs, seenAtMs }: LedgerBatch, extra: number): DuplicateCause {
    const resend = resends[extra]
    if (resend === 'answered 503') return 'agent sent again after a 503'
    if (resend === 'answer lost') return 'agent sent again after its answer was lost'
    const happened = (kind: Incident['kind'], marginMs = 0) =>
      this.incidents.some(
        (incident) =>
          incident.kind === kind && sentAtMs - marginMs <= incident.atMs && incident.atMs <= seenAtMs + marginMs,
      )
    // An answer that was lost may have said so, too.
    if (durability === 'journal' || resends.includes('answer lost')) {
      return happened('collector killed')
        ? 'collector killed before its journal knew of the acknowledgement'
        : 'journaled after a time-out while Kafka had it already'
    }
    if (happened('producer replaced')) return 'producer replaced before it knew of the acknowledgement'
    if (happened('records sent again', logEveryMs)) return 'sent again because Kafka seemed not to have taken it'
    return 'unexplained'
  }

  /** The last batch that begins at or before `id`. */
  #indexOf(id: number): number {
    let low = 0
    let high = this.batches.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.batches[middle]?.first ?? 0) <= id) low = middle
      else high = middle - 1
    }
    return low
  }
}
