import { test } from 'tap'
import { Ledger, type LedgerBatch } from './ledger.js'

/** A ledger of three batches of ten metrics, answered 202 with durability "kafka" unless said otherwise. */
function ledgerOf(...changes: Partial<LedgerBatch>[]): Ledger {
  const ledger = new Ledger(100)
  for (let n = 0; n < 3; n++) {
    const batch = ledger.open(10, `service-${n}`)
    if (batch !== undefined) Object.assign(batch, { durability: 'kafka', sentAtMs: 1000 }, changes[n])
  }
  return ledger
}

test('all there once: nothing to tell', async (t) => {
  const ledger = ledgerOf()
  ledger.see(0, 30, 2000)
  t.match(ledger.compare(), { answered202: 30, missing: 0, foreign: 0, withoutAnswer: 0, unanswered: 0 })
})

test('what was answered 202 and is not there is missing, by its number', async (t) => {
  const ledger = ledgerOf({}, {}, { durability: undefined })
  ledger.see(0, 5, 2000)
  ledger.see(6, 14, 2000)
  t.match(ledger.compare(), {
    answered202: 20,
    missing: 1,
    firstMissing: [{ id: 5, batch: { first: 0, count: 10 } }],
    unanswered: 1,
  })
})

test('what was never answered 202 may be there; what was never sent may not', async (t) => {
  const ledger = ledgerOf({}, {}, { durability: undefined })
  ledger.see(0, 31, 2000)
  t.match(ledger.compare(), { missing: 0, withoutAnswer: 10, foreign: 1 })
})

test('each duplicate has its cause', async (t) => {
  const ledger = ledgerOf({ resends: ['answered 503', 'answer lost'] }, { durability: 'journal' }, {})
  for (let copy = 0; copy < 3; copy++) ledger.see(0, 1, 2000)
  for (let copy = 0; copy < 2; copy++) ledger.see(10, 1, 2000)
  for (let copy = 0; copy < 2; copy++) ledger.see(20, 1, 2000)
  t.match(ledger.compare().duplicates, {
    'agent sent again after a 503': 1,
    'agent sent again after its answer was lost': 1,
    'journaled after a time-out while Kafka had it already': 1,
    unexplained: 1,
  })
  ledger.incidents.push({ atMs: 1500, kind: 'collector killed' }, { atMs: 1500, kind: 'producer replaced' })
  t.match(ledger.compare().duplicates, {
    'collector killed before its journal knew of the acknowledgement': 1,
    'producer replaced before it knew of the acknowledgement': 1,
    unexplained: 0,
  })
})

test('a duplicate is explained by records that were sent again at about that time, not by those of another', async (t) => {
  for (const [atMs, explained] of [
    [500, 1],
    [9000, 0],
  ] as const) {
    const ledger = ledgerOf()
    for (let copy = 0; copy < 2; copy++) ledger.see(0, 1, 2000)
    ledger.incidents.push({ atMs, kind: 'records sent again' })
    t.match(ledger.compare().duplicates, {
      'sent again because Kafka seemed not to have taken it': explained,
      unexplained: 1 - explained,
    })
  }
})
