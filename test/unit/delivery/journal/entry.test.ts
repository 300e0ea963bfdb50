import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'tap'
import { decodeEntryAt, encodeEntry } from '../../../../lib/delivery/journal/entry.js'
import { scan } from '../../../../lib/delivery/journal/find-entries.js'
import type { RecordBatch } from '../../../../lib/delivery/record-batch.js'

const firstSeenMs = 1701878400000.5
const topic = 'metrics-raw'
const good: RecordBatch = {
  bytes: Buffer.from('abcdef'),
  ends: Uint32Array.of(2, 4, 6),
  keys: [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')],
  metricEnds: Uint32Array.of(1, 2, 5),
}

test('what is written is what is read, whatever it is', async (t) => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const values = fc.array(bytes, { minLength: 1, maxLength: 20 })
  const batch = fc.record({ values, keys: fc.constantFrom('none', 'one', 'each'), ndjson: fc.boolean(), key: bytes })
  const topics = fc.stringMatching(/^[A-Za-z0-9._-]{0,249}$/)
  fc.assert(
    fc.property(batch, bytes, topics, ({ values, keys, ndjson, key }, before, topic) => {
      const written: RecordBatch = {
        bytes: Buffer.concat(values),
        ends: sums(values.map(({ length }) => length)),
        keys: keys === 'each' ? values : keys === 'one' ? [key] : [],
        ...(ndjson && { metricEnds: sums(values.map((_, n) => n + 1)) }),
      }
      const source = Buffer.concat([before, encodeEntry({ batch: written, firstSeenMs, topic }), before])
      const found = decodeEntryAt(source, before.length)
      t.same(found?.batch, written)
      t.equal(found?.firstSeenMs, firstSeenMs)
      t.equal(found?.topic, topic)
    }),
    { numRuns: 200 },
  )
})

test('an entry of a version that knew no topics is read, and one with a topic is read by such a version', async (t) => {
  const [old, now] = ['', topic].map((topic) => encodeEntry({ batch: good, firstSeenMs, topic }))
  t.match(decodeEntryAt(old ?? Buffer.alloc(0), 0), { batch: good, topic: '' })
  // It looks for values from where they begin, and where each ends, and never at what is behind them.
  const [oldValues, values] = [old, now].map((entry) => entry?.indexOf('abcdef'))
  t.equal(values, oldValues)
})

test('an entry that describes no batch is passed over as damaged, although its checksum is right', async (t) => {
  const entries: Record<string, Buffer> = {
    'a record ends beyond the bytes': entryOf({ ends: Uint32Array.of(2, 4, 7) }),
    'far beyond': entryOf({ ends: Uint32Array.of(2, 4, 2 ** 32 - 1) }),
    'a record in the middle does': entryOf({ ends: Uint32Array.of(2, 60, 6) }),
    'records end in no order': entryOf({ ends: Uint32Array.of(4, 2, 6) }),
    'bytes are left over': entryOf({ ends: Uint32Array.of(2, 4, 5) }),
    'no records': entryOf({ ends: Uint32Array.of(), keys: [], bytes: Buffer.alloc(0) }),
    'no records, but bytes': entryOf({ ends: Uint32Array.of(), keys: [] }),
    'two keys for three records': entryOf({ keys: [Buffer.from('a'), Buffer.from('b')] }),
    'four keys for three records': entryOf({ keys: Array(4).fill(Buffer.from('a')) }),
    'metrics are not counted for each record': entryOf({ metricEnds: Uint32Array.of(1, 2) }),
    'metrics are counted in no order': entryOf({ metricEnds: Uint32Array.of(3, 2, 5) }),
    'more records than there is room for': withNumber(20, 2 ** 32 - 1),
    'more keys than there is room for': withNumber(24, 2 ** 32 - 1),
    'more counts of metrics than there is room for': withNumber(28, 2 ** 32 - 1),
    'a key that is longer than the entry': withNumber(32 + 4 * 6, 2 ** 32 - 1),
    'a time that is none': encodeEntry({ batch: good, firstSeenMs: Number.NaN, topic }),
    'a topic that Kafka does not know': encodeEntry({ batch: good, firstSeenMs, topic: 'metrics raw' }),
    'a topic that is too long': encodeEntry({ batch: good, firstSeenMs, topic: 'x'.repeat(250) }),
  }
  const whole = encodeEntry({ batch: good, firstSeenMs, topic })
  t.same(decodeEntryAt(whole, 0)?.batch, good)
  for (const [what, entry] of Object.entries(entries)) {
    t.equal(decodeEntryAt(entry, 0), undefined, what)
    const { entries: found, damagedBytes } = scan(Buffer.concat([entry, whole]), 0, { follows: false })
    t.equal(found.length, 1, `${what}: the next entry is found`)
    t.equal(damagedBytes, entry.length)
  }
})

function entryOf(changes: Partial<RecordBatch>): Buffer {
  return encodeEntry({ batch: { ...good, ...changes }, firstSeenMs, topic })
}

/** The good entry with another number at that place, and the checksum for it. */
function withNumber(at: number, number: number): Buffer {
  const entry = encodeEntry({ batch: good, firstSeenMs, topic })
  entry.writeUInt32LE(number, at)
  entry.writeUInt32LE(crc32(entry.subarray(8)), 4)
  return entry
}

function sums(numbers: readonly number[]): Uint32Array {
  let sum = 0
  return Uint32Array.from(numbers, (number) => {
    sum += number
    return sum
  })
}
