import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { agreedCondition } from '../../support/agreed-condition.js'
import { makeDirectory } from '../../support/directory.js'
import { FaultyDisk } from '../../support/faulty-disk.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { headOf } from '../../support/raw-client.js'

const nowhere = async () => `127.0.0.1:${await freePort()}`
const oneWorker = { VANTAGE_API_WORKERS: '1' }

async function statusIs(collector: Collector, status: string): Promise<void> {
  await waitFor(async () => (await collector.stats()).status === status, status)
}

test('all is well', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: oneWorker })
  t.same(await agreedCondition(t, collector), { state: 'operational', reason: '' })
})

test('Kafka is away, and the journal takes batches until it is full', async (t) => {
  const env = { ...oneWorker, VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_JOURNAL_MAX_MB: '1' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  const kept = /^Batches are kept until Kafka takes them: No broker of /
  t.match(await agreedCondition(t, collector), { state: 'degraded', reason: kept })
  while ((await collector.post(batchOf(500))).status === 202);
  t.match(await agreedCondition(t, collector), { state: 'unavailable', reason: /No broker of .*; The journal holds/ })
})

test('Kafka is away, and there is no journal', async (t) => {
  const collector = await startCollector(t, { kafka: await nowhere(), env: oneWorker, ready: false })
  await waitFor(async () => /No broker/.test((await collector.stats()).reason), 'a reason')
  t.match(await agreedCondition(t, collector), { state: 'unavailable', reason: /^No broker of / })
})

test('Kafka takes batches, and the journal cannot be opened', async (t) => {
  const file = join(await makeDirectory(t), 'file')
  await writeFile(file, '')
  const env = { ...oneWorker, VANTAGE_JOURNAL_DIR: join(file, 'journal') }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const broken = /^Kafka takes batches, but the journal does not: .*ENOTDIR/
  t.match(await agreedCondition(t, collector), { state: 'degraded', reason: broken })
})

test('what waits in the journal cannot be read', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_DURABILITY: 'journal' }
  const collector = await startCollector(t, {
    kafka: await startMockKafka(t),
    env: { ...oneWorker, ...journal, ...disk.env },
  })
  await statusIs(collector, 'operational')
  disk.set({ call: 'read', fault: 'EIO', at: '/logs/' })
  t.match((await collector.post(batchOf(10))).body, { durability: 'journal' })
  await statusIs(collector, 'degraded')
  const unreadable = /^A part of the journal cannot be read: .*EIO/
  t.match(await agreedCondition(t, collector), { state: 'degraded', reason: unreadable })
  disk.mend()
  await statusIs(collector, 'operational')
  t.match(await agreedCondition(t, collector), { state: 'operational' })
})

test('the collector drains', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: oneWorker })
  const upload = await startUpload(t, collector)
  // It takes no new connections then: these stay open for what is asked below.
  await Promise.all(Array.from({ length: 8 }, () => collector.get('/live')))
  collector.process.kill('SIGTERM')
  await waitFor(() => collector.logs.some(({ msg }) => msg === 'worker drains'), 'the drain')
  t.same(await agreedCondition(t, collector), { state: 'draining', reason: 'Shutting down' })
  upload.write('}')
  t.same(await collector.exit, { code: 0, signal: null })
})

/** Resolves when the head and a part of the body of a batch have arrived. */
async function startUpload(t: Test, collector: Collector): Promise<Socket> {
  const { hostname, port } = new URL(collector.url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  const head = headOf({ 'Content-Type': 'application/json', 'Content-Length': 2, Expect: '100-continue' })
  socket.write(head)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.write('{')
  return socket
}
