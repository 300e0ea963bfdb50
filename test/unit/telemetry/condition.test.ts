import { test } from 'tap'
import { type Circumstances, conditionOf, conditionOfAll, isReady } from '../../../lib/telemetry/condition.js'

const well: Circumstances = {
  draining: false,
  deferral: undefined,
  kafka: { up: true, message: 'Acknowledges' },
  journal: { state: 'ok', message: 'Takes batches', unreadable: 0 },
}
const away = { up: false, message: 'No broker answers' }
const partial = { up: true, partial: true, message: '3 of 6 partitions take no records' }
const full = { state: 'full', message: 'It is full', unreadable: 0 } as const
const unavailable = { state: 'unavailable', message: 'EACCES', unreadable: 0 } as const

const cases: [name: string, change: Partial<Circumstances>, state: string, reason: string][] = [
  ['all is well', {}, 'operational', ''],
  ['all is well without a journal', { journal: undefined }, 'operational', ''],
  ['Kafka is away', { kafka: away }, 'degraded', 'Batches are kept until Kafka takes them: No broker answers'],
  [
    'some partitions are away',
    { kafka: partial },
    'degraded',
    'Batches of some services are kept: 3 of 6 partitions take no records',
  ],
  [
    'some partitions are away, and there is no journal',
    { kafka: partial, journal: undefined },
    'degraded',
    'Batches of some services are deferred: 3 of 6 partitions take no records',
  ],
  [
    'some partitions are away, and the journal is full',
    { kafka: partial, journal: full },
    'degraded',
    'Batches of some services are deferred: 3 of 6 partitions take no records',
  ],
  ['the journal is full', { journal: full }, 'degraded', 'Kafka takes batches, but the journal does not: It is full'],
  [
    'the journal is broken',
    { journal: unavailable },
    'degraded',
    'Kafka takes batches, but the journal does not: EACCES',
  ],
  [
    'a part of the journal cannot be read',
    { journal: { state: 'ok', message: 'EIO', unreadable: 1 } },
    'degraded',
    'A part of the journal cannot be read: EIO',
  ],
  ['batches are deferred', { kafka: away, deferral: 'No broker answers' }, 'unavailable', 'No broker answers'],
  ['the worker drains', { draining: true, kafka: away, deferral: 'Stopped' }, 'draining', 'Shutting down'],
]

for (const [name, change, state, reason] of cases) {
  test(`${name}: ${state}`, async (t) => {
    const condition = conditionOf({ ...well, ...change })
    t.same(condition, { state, reason })
    t.equal(isReady(condition), state === 'operational' || state === 'degraded')
  })
}

test('a collector is as its worst worker that stays', async (t) => {
  const operational = conditionOf(well)
  const degraded = conditionOf({ ...well, kafka: away })
  const deferring = conditionOf({ ...well, deferral: 'No room' })
  const drains = conditionOf({ ...well, draining: true })
  t.equal(conditionOfAll([operational, degraded]), degraded)
  t.equal(conditionOfAll([degraded, deferring, operational]), deferring)
  t.equal(conditionOfAll([drains, operational]), operational, 'a worker that is being replaced')
  t.equal(conditionOfAll([drains]), drains)
  t.match(conditionOfAll([]), { state: 'unavailable', reason: 'No worker is running' })
})
