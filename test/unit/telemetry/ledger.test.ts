import fc from 'fast-check'
import { test } from 'tap'
import { differenceOf, Ledger, type LedgerFigures, sumOfLedgers } from '../../../lib/telemetry/ledger.js'

type Held = Record<'inFlight' | 'inMemory' | 'waiting', number>

/** Some of what the ledger holds there, since a transition moves only metrics that are there. */
type Transition = (ledger: Ledger, held: Held, metrics: number) => void

const some = (held: Held, place: keyof Held, metrics: number) => Math.min(held[place], metrics)

const transitions: Record<string, Transition> = {
  received: (ledger, _, metrics) => ledger.received(metrics),
  adopted: (ledger, _, metrics) => ledger.adopted(metrics),
  late: (ledger, _, metrics) => ledger.late(metrics),
  rejected: (ledger, held, metrics) => ledger.rejected(some(held, 'inFlight', metrics)),
  skipped: (ledger, held, metrics) => ledger.skipped(some(held, 'inFlight', metrics)),
  deferred: (ledger, held, metrics) => ledger.deferred(some(held, 'inFlight', metrics)),
  'promised in memory': (ledger, held, metrics) => ledger.promisedInMemory(some(held, 'inFlight', metrics)),
  'journaled from flight': (ledger, held, metrics) => ledger.journaled(some(held, 'inFlight', metrics), 'inFlight'),
  'journaled from memory': (ledger, held, metrics) => ledger.journaled(some(held, 'inMemory', metrics), 'inMemory'),
  'acknowledged from flight': (ledger, held, metrics) =>
    ledger.acknowledged(some(held, 'inFlight', metrics), 'inFlight'),
  'acknowledged from memory': (ledger, held, metrics) =>
    ledger.acknowledged(some(held, 'inMemory', metrics), 'inMemory'),
  replayed: (ledger, held, metrics) => ledger.acknowledged(some(held, 'waiting', metrics), 'waiting'),
  'buried from memory': (ledger, held, metrics) => ledger.buried(some(held, 'inMemory', metrics), 'inMemory'),
  'buried from the journal': (ledger, held, metrics) => ledger.buried(some(held, 'waiting', metrics), 'waiting'),
  'lost from memory': (ledger, held, metrics) => ledger.lost(some(held, 'inMemory', metrics), 'inMemory'),
  'lost from the journal': (ledger, held, metrics) => ledger.lost(some(held, 'waiting', metrics), 'waiting'),
}

const steps = fc.array(fc.tuple(fc.constantFrom(...Object.keys(transitions)), fc.nat(1000)), { maxLength: 60 })

/** A worker's ledger after these steps. */
function after(path: [name: string, metrics: number][]): Ledger {
  const ledger = new Ledger()
  for (const [name, metrics] of path) transitions[name]?.(ledger, ledger.figures, metrics)
  return ledger
}

function isSound(figures: Readonly<LedgerFigures>): boolean {
  return differenceOf(figures) === 0 && Object.values(figures).every((figure) => figure >= 0)
}

test('the ledger balances, whatever happens to metrics and in whatever order', async () => {
  fc.assert(fc.property(steps, (path) => isSound(after(path).figures)))
})

test('the figures of workers that have ended stay, and nothing is held by them any more', async () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 4 }), steps, (ended, running) => {
      const workers = ended.map((path) => after(path).figures)
      const ofEnded = new Ledger()
      for (const figures of workers) ofEnded.workerEnded(figures)
      const { inFlight, inMemory, waiting, received } = ofEnded.figures
      const holdsNothing = inFlight === 0 && inMemory === 0 && waiting === 0
      const sum = sumOfLedgers([ofEnded.figures, after(running).figures])
      return holdsNothing && received === sumOfLedgers(workers).received && isSound(sum)
    }),
  )
})

test('a metric that is counted nowhere shows as a difference', async (t) => {
  const { figures } = after([['received', 10]])
  t.equal(differenceOf({ ...figures, inFlight: 9 }), 1)
})
