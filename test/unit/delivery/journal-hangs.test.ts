import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { type DiskCall, FaultyDisk } from '../../support/faulty-disk.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

const nowhere = async () => `127.0.0.1:${await freePort()}`
const durable = { VANTAGE_DURABILITY: 'journal' }

type Setup = { kafka?: string; env?: Record<string, string>; before?: (disk: FaultyDisk, journal: string) => void }

/** A collector of one worker, whose journal is on a disk that can be made to hang: by `before`, from the start. */
async function startOnDisk(t: Test, { kafka, env = {}, before }: Setup = {}) {
  const disk = await FaultyDisk.make(t)
  const journal = await makeDirectory(t)
  before?.(disk, journal)
  const settings = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1', ...env, ...disk.env }
  const collector = await startCollector(t, { kafka: kafka ?? (await startMockKafka(t)), env: settings })
  return { disk, journal, collector }
}

async function healthIs(collector: Collector, status: string, what: string): Promise<void> {
  await waitFor(async () => (await collector.get('/health')).body.status === status, what)
}
const silent = /disk has not answered for 3000 ms/

for (const call of ['sync', 'write'] as const satisfies DiskCall[]) {
  test(`while Kafka is away and the disk hangs in a ${call}, batches are answered 503, and taken when it goes on`, async (t) => {
    const { disk, collector } = await startOnDisk(t, { kafka: await nowhere() })
    t.match((await collector.post(batchOf(10))).body, { durability: 'journal' })
    disk.set({ call, fault: 'hang', at: '/logs/' })
    const replies = await Promise.all(Array.from({ length: 20 }, () => collector.post(batchOf(10, { first: 10 }))))
    for (const { status, body } of replies) {
      t.match({ status, body }, { status: 503, body: { code: 'VANTAGE_JOURNAL_UNAVAILABLE', detail: silent } })
    }
    t.match(await collector.get('/ready'), { status: 503, body: { reason: silent } })
    t.match(await collector.get('/health'), { status: 503, body: { checks: { journal: { message: silent } } } })
    t.match(await collector.post(batchOf(10)), { status: 503 }, 'the next one at once')
    t.equal((await collector.stats()).ledger.difference, 0)
    disk.mend()
    await waitFor(async () => (await collector.get('/ready')).status === 200, 'a journal that takes batches')
    t.match((await collector.post(batchOf(10, { first: 20 }))).body, { durability: 'journal' })
    t.match(await collector.stats(), { journal: { metrics_waiting: 20 }, ledger: { difference: 0 } })
  })
}

test('with VANTAGE_DURABILITY=journal, batches go to Kafka while the disk hangs, and nothing comes twice', async (t) => {
  const kafka = await startMockKafka(t)
  const { disk, collector } = await startOnDisk(t, { kafka, env: durable })
  await waitFor(async () => (await collector.metric('kafka_up')) === 1, 'Kafka')
  disk.set({ call: 'sync', fault: 'hang', at: '/logs/' })
  const replies = await Promise.all([0, 1, 2, 3].map((n) => collector.post(batchOf(10, { first: 10 * n }))))
  for (const { body } of replies) t.match(body, { durability: 'kafka' })
  t.match((await collector.post(batchOf(10, { first: 40 }))).body, { durability: 'kafka' }, 'the next one at once')
  t.match((await collector.get('/health')).body, { status: 'degraded', checks: { journal: { message: silent } } })
  disk.mend()
  await healthIs(collector, 'healthy', 'a journal that takes batches')
  t.match((await collector.post(batchOf(10, { first: 50 }))).body, { durability: 'journal' })
  await waitFor(async () => (await collector.stats()).ledger.acknowledged >= 60, 'all of it in Kafka')
  t.match((await collector.stats()).ledger, { acknowledged: 60, waiting: 0, difference: 0 })
  const ids = (await readTopic(kafka, 60)).map(({ value }) => JSON.parse(value).id)
  t.equal(ids.length, 60, 'what the disk took too late is not sent from there')
  t.equal(new Set(ids).size, 60)
})

test('a batch that Kafka does not acknowledge is answered in time although the disk hangs', async (t) => {
  const env = { VANTAGE_API_WORKERS: '2', VANTAGE_ACK_TIMEOUT_MS: '500' }
  const { disk, collector } = await startOnDisk(t, { kafka: await nowhere(), env })
  disk.set({ call: 'create', fault: 'hang', at: '/logs/' }, { call: 'mkdir', fault: 'hang', at: '/logs/' })
  t.match(await collector.post(batchOf(1)), { status: 503, body: { detail: silent } })
})

for (const call of ['mkdir', 'access', 'list', 'open'] as const satisfies DiskCall[]) {
  test(`a disk that hangs at the start, in ${call}, does not keep the collector from serving`, async (t) => {
    const { disk, collector } = await startOnDisk(t, {
      before: (disk, journal) => disk.set({ call, fault: 'hang', at: journal }),
    })
    t.match(await collector.post(batchOf(1)), { status: 202, body: { durability: 'kafka' } })
    t.match((await collector.get('/health')).body, { status: 'degraded', checks: { journal: { status: 'unhealthy' } } })
    disk.mend()
    await healthIs(collector, 'healthy', 'a journal that is opened')
  })
}

test('a disk that hangs while the journal is read is told, and what waits is sent when it goes on', async (t) => {
  const { disk, collector } = await startOnDisk(t, { env: durable })
  disk.set({ call: 'read', fault: 'hang', at: '/logs/' })
  t.match((await collector.post(batchOf(10))).body, { durability: 'journal' })
  await healthIs(collector, 'degraded', 'a journal that is degraded')
  t.match((await collector.get('/health')).body.checks, { journal: { message: /no answer for \d+ s/ } })
  disk.mend()
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'all of it in Kafka')
  await healthIs(collector, 'healthy', 'a journal that is well')
})

for (const call of ['sync', 'read', 'list'] as const satisfies DiskCall[]) {
  test(`SIGTERM ends the collector in its time although the disk hangs in ${call}`, async (t) => {
    const { disk, collector } = await startOnDisk(t, { env: { ...durable, VANTAGE_API_WORKERS: '2' } })
    await collector.post(batchOf(10))
    disk.set({ call, fault: 'hang', at: '/logs' })
    t.equal((await collector.post(batchOf(10, { first: 10 }))).status, 202)
    const ended = collector.stop()
    t.same(await ended, { code: 0, signal: null })
    t.notOk(
      collector.logs.some(({ msg }) => msg.includes('did not finish in time')),
      'no worker had to be killed',
    )
  })
}

test('what else needs threads goes on while every call to the disk hangs', async (t) => {
  const env = { ...durable, VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'metrics-dead' }
  const { disk, journal, collector } = await startOnDisk(t, { env })
  const calls: DiskCall[] = ['open', 'create', 'list', 'read', 'write', 'sync', 'rename', 'mkdir', 'remove', 'access']
  disk.set(...calls.map((call) => ({ call, fault: 'hang', at: journal }) as const))
  const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
  const askedAt = await uptime()
  await waitFor(async () => {
    const replies = await Promise.all(Array.from({ length: 10 }, () => collector.post(batchOf(10))))
    t.ok(replies.every(({ status }) => status === 202))
    return (await uptime()) > askedAt + 8
  }, 'eight seconds of batches and looks')
  // A thread inflates it.
  const large = gzipSync(JSON.stringify(batchOf(1000)))
  t.equal((await collector.post(large, { 'Content-Encoding': 'gzip' })).status, 202)
  t.equal((await collector.get('/ready')).status, 200)
  disk.mend()
  await healthIs(collector, 'healthy', 'a journal that takes batches')
})
