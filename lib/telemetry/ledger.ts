/**
 * - inflow: where metrics come in
 * - held: where metrics are until their fate is known; falls again
 * - end: where metrics stay
 * - note: says more of metrics that another figure counts already
 */
type Kind = 'inflow' | 'held' | 'end' | 'note'

type Definition = { kind: Kind; name: string; help: string }

/** The figures of the ledger. `name` is what Prometheus and /v1/stats call them. */
export const ledgerFigures = {
  received: { kind: 'inflow', name: 'metricsReceived', help: 'Metrics in the batches that could be parsed' },
  adopted: {
    kind: 'inflow',
    name: 'metricsAdopted',
    help: 'Metrics found in the journal that a process left which had ended',
  },
  inFlight: { kind: 'held', name: 'metricsInFlight', help: 'Metrics of requests that are being answered' },
  waiting: { kind: 'held', name: 'metricsWaiting', help: 'Metrics in the journal that Kafka has not acknowledged' },
  inMemory: {
    kind: 'held',
    name: 'metricsInMemory',
    help: 'Metrics answered 202 with durability memory that are in memory',
  },
  rejected: {
    kind: 'end',
    name: 'metricsRejected',
    help: 'Metrics answered as invalid, or refused by the brokers for good, by reason',
  },
  skipped: {
    kind: 'end',
    name: 'metricsSkipped',
    help: 'Valid metrics without a value to store, by reason',
  },
  deferred: {
    kind: 'end',
    name: 'metricsDeferred',
    help: 'Metrics answered 429 or 503, for the agent to send again',
  },
  acknowledged: {
    kind: 'end',
    name: 'metricsAcknowledged',
    help: 'Metrics of a 202 that Kafka has acknowledged, before the answer or after',
  },
  buried: {
    kind: 'end',
    name: 'metricsDeadLettered',
    help: 'Metrics of a 202 that the brokers refused for good: in the dead space or the dead-letter topic',
  },
  lost: {
    kind: 'end',
    name: 'metricsLost',
    help: 'Metrics answered 202 that are lost: with durability memory, or in a damaged file of the journal',
  },
  left: {
    kind: 'end',
    name: 'metricsLeft',
    help: 'Metrics in the journal of workers that have ended; the process that adopts them counts them again',
  },
  abandoned: {
    kind: 'end',
    name: 'metricsAbandoned',
    help: 'Metrics in flight in workers that ended before answering',
  },
  journaled: {
    kind: 'note',
    name: 'metricsJournaled',
    help: 'Metrics answered 202 that lay in the journal then, or went there from memory',
  },
  replayed: { kind: 'note', name: 'metricsReplayed', help: 'Metrics from the journal that Kafka has acknowledged' },
  late: {
    kind: 'note',
    name: 'metricsLate',
    help: 'Metrics acknowledged by Kafka after their request was answered 503: a retry duplicates them',
  },
} as const satisfies Record<string, Definition>

type Figure = keyof typeof ledgerFigures
type OfKind<K extends Kind> = { [F in Figure]: (typeof ledgerFigures)[F]['kind'] extends K ? F : never }[Figure]

/** Numbers of metrics. */
export type LedgerFigures = Record<Figure, number>
/** Where a metric is held until its fate is known. */
export type HeldPlace = OfKind<'held'>
type End = OfKind<'end'>

const figures = Object.keys(ledgerFigures) as Figure[]

/**
 * The account of where each metric is that was received, or found in the journal. Every transition takes a number of
 * metrics from one place to another, so the ledger balances whatever their order. Nothing else changes its figures.
 */
export class Ledger {
  readonly #figures = emptyLedger()

  get figures(): Readonly<LedgerFigures> {
    return this.#figures
  }

  received(metrics: number): void {
    this.#figures.received += metrics
    this.#figures.inFlight += metrics
  }

  /** They are not valid, or the brokers refused them before the answer. */
  rejected(metrics: number): void {
    this.#end('inFlight', 'rejected', metrics)
  }

  /** They are valid, but have no value to store. */
  skipped(metrics: number): void {
    this.#end('inFlight', 'skipped', metrics)
  }

  /** They were answered 429 or 503: their agent keeps them. */
  deferred(metrics: number): void {
    this.#end('inFlight', 'deferred', metrics)
  }

  /** They are promised from memory. */
  promisedInMemory(metrics: number): void {
    this.#figures.inFlight -= metrics
    this.#figures.inMemory += metrics
  }

  /** They are on disk. */
  journaled(metrics: number, from: 'inFlight' | 'inMemory'): void {
    this.#figures[from] -= metrics
    this.#figures.waiting += metrics
    this.#figures.journaled += metrics
  }

  acknowledged(metrics: number, from: HeldPlace): void {
    this.#end(from, 'acknowledged', metrics)
    if (from === 'waiting') this.#figures.replayed += metrics
  }

  /** The brokers have them although they were answered 503. */
  late(metrics: number): void {
    this.#figures.late += metrics
  }

  /** The brokers refused them after their promise was given; they are kept as dead letters. */
  buried(metrics: number, from: 'inMemory' | 'waiting'): void {
    this.#end(from, 'buried', metrics)
  }

  lost(metrics: number, from: 'inMemory' | 'waiting'): void {
    this.#end(from, 'lost', metrics)
  }

  /** They wait in the journal of a process that has ended. */
  adopted(metrics: number): void {
    this.#figures.adopted += metrics
    this.#figures.waiting += metrics
  }

  /** Takes over the figures of a worker that has ended: what it held is abandoned, left in the journal, or lost. */
  workerEnded(last: Readonly<LedgerFigures>): void {
    addTo(this.#figures, last)
    this.#end('inFlight', 'abandoned', last.inFlight)
    this.#end('waiting', 'left', last.waiting)
    this.#end('inMemory', 'lost', last.inMemory)
  }

  #end(from: HeldPlace, to: End, metrics: number): void {
    this.#figures[from] -= metrics
    this.#figures[to] += metrics
  }
}

/** The figures of several ledgers together. */
export function sumOfLedgers(ledgers: readonly Readonly<LedgerFigures>[]): LedgerFigures {
  const sum = emptyLedger()
  for (const ledger of ledgers) addTo(sum, ledger)
  return sum
}

/** Metrics that came in and are nowhere; 0 unless the ledger is wrong. */
export function differenceOf(ledger: Readonly<LedgerFigures>): number {
  return totalOf(ledger, ['inflow']) - totalOf(ledger, ['held', 'end'])
}

function totalOf(ledger: Readonly<LedgerFigures>, kinds: readonly Kind[]): number {
  const counted = figures.filter((figure) => kinds.includes(ledgerFigures[figure].kind))
  return counted.reduce((total, figure) => total + ledger[figure], 0)
}

function addTo(sum: LedgerFigures, more: Readonly<LedgerFigures>): void {
  for (const figure of figures) sum[figure] += more[figure]
}

function emptyLedger(): LedgerFigures {
  return Object.fromEntries(figures.map((figure) => [figure, 0])) as LedgerFigures
}
