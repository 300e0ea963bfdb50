import { type Test, test } from 'tap'
import { Partitions } from '../../../lib/delivery/partitions.js'
import { Producer } from '../../../lib/delivery/producer.js'
import type { RecordBatch } from '../../../lib/delivery/record-batch.js'
import { Shipment } from '../../../lib/delivery/shipment.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

const topic = 'metrics-raw'

function batchOf(...keys: string[]): RecordBatch {
  return { bytes: Buffer.from('x'), ends: Uint32Array.of(1), keys: keys.map((key) => Buffer.from(key)) }
}

function partitionsOf(t: Test, partitioner = 'murmur2_random') {
  const told: string[] = []
  const partitions = new Partitions({ topic, partitioner, onChange: (description) => told.push(description) })
  t.teardown(() => partitions.stop())
  return { partitions, told }
}

const ignore = () => undefined

/** A key of each partition of six, by the default partitioner. */
const all = [0, 1, 2, 3, 4, 5]
function keyOf(partitions: Partitions, partition: number): string {
  partitions.describe({ partitions: 6, leaderless: all.filter((n) => n !== partition) })
  for (let n = 0; ; n++) if (!partitions.isAway(batchOf(`key-${n}`))) return `key-${n}`
}

for (const partitioner of ['murmur2_random', 'murmur2', 'consistent_random', 'consistent', 'fnv1a_random', 'fnv1a']) {
  test(`a key has the partition where librdkafka puts its records: ${partitioner}`, async (t) => {
    const kafka = await startMockKafka(t)
    const quiet = { onConnectionError: () => undefined, onFatal: () => undefined }
    const properties = { global: { 'bootstrap.servers': kafka }, topic: { partitioner }, saslToken: '' }
    const producer = new Producer(properties as ConstructorParameters<typeof Producer>[0], topic, quiet)
    t.teardown(() => producer.close())
    const keys = Array.from({ length: 50 }, (_, n) => `service-${n}`)
    for (const key of keys) t.same(await producer.send(batchOf(key)), [])
    const { partitions: count } = await producer.describeTopic(20_000)
    const { partitions } = partitionsOf(t, partitioner)
    for (const { key, partition } of await readTopic(kafka, keys.length)) {
      const others = Array.from({ length: count }, (_, n) => n).filter((n) => n !== partition)
      partitions.describe({ partitions: count, leaderless: others })
      t.notOk(partitions.isAway(batchOf(String(key))), `${key} is in ${partition}`)
      partitions.describe({ partitions: count, leaderless: [partition] })
      t.ok(partitions.isAway(batchOf(String(key))))
    }
  })
}

test('where a key goes by chance, no batch is kept from Kafka', async (t) => {
  const { partitions } = partitionsOf(t, 'random')
  partitions.describe({ partitions: 6, leaderless: [0, 1, 2, 3, 4] })
  t.notOk(partitions.isAway(batchOf('a')))
})

test('records without a key go to partitions that have a leader', async (t) => {
  const { partitions } = partitionsOf(t)
  t.equal(partitions.choose(batchOf()), undefined, 'to any, where all is well')
  partitions.describe({ partitions: 6, leaderless: [0, 1, 3, 4, 5] })
  t.equal(partitions.choose(batchOf()), 2)
  t.equal(partitions.choose(batchOf('a')), undefined, 'a key decides by itself')
})

test('what is away is told whenever it changes, and once', async (t) => {
  const { partitions, told } = partitionsOf(t)
  const says = (...leaderless: number[]) => partitions.describe({ partitions: 6, leaderless })
  says()
  says(4, 1)
  says(1, 4)
  says(...all)
  t.ok(partitions.allAway)
  says()
  t.same(told, [
    '2 of 6 partitions of metrics-raw take no records (no leader: 1, 4)',
    '6 of 6 partitions of metrics-raw take no records (no leader: 0, 1, 2, 3, 4, 5)',
    '',
  ])
  t.notOk(partitions.someAway)
})

test('a partition that does not acknowledge in time is away until nothing waits there any more', async (t) => {
  const { partitions } = partitionsOf(t)
  const [silent, well] = [keyOf(partitions, 3), keyOf(partitions, 5)]
  partitions.describe({ partitions: 6, leaderless: [] })
  const shipments = [1, 2].map(() => Shipment.asked(batchOf(silent), 0, ignore))
  for (const shipment of shipments) t.ok(partitions.timedOut(shipment))
  t.equal(partitions.description, '1 of 6 partitions of metrics-raw take no records (no acknowledgement: 3)')
  t.ok(partitions.isAway(batchOf(silent)) && partitions.isAway(batchOf(well, silent)))
  t.notOk(partitions.isAway(batchOf(well)))
  for (const shipment of shipments) {
    t.ok(partitions.someAway)
    shipment.note([])
    partitions.finished(shipment)
  }
  t.notOk(partitions.someAway)
})

test('a batch of many partitions does not show which of them is silent', async (t) => {
  const { partitions } = partitionsOf(t)
  const keys = [keyOf(partitions, 0), keyOf(partitions, 1)]
  partitions.describe({ partitions: 6, leaderless: [] })
  t.notOk(partitions.timedOut(Shipment.asked(batchOf(...keys), 0, ignore)))
  t.notOk(partitions.timedOut(Shipment.asked(batchOf(), 0, ignore)))
  t.notOk(partitions.someAway)
})
