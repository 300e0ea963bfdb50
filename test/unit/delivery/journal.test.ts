import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

/** Where no broker is. */
async function nowhere(): Promise<string> {
  return `127.0.0.1:${await freePort()}`
}

/** When each file in a directory was written last, and how long it is. */
function filesIn(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return Object.fromEntries(
    names.map((name) => {
      const { mtimeNs, size } = statSync(join(directory, name), { bigint: true })
      return [name, `${size} bytes at ${mtimeNs}`]
    }),
  )
}

test('batches posted while Kafka is away survive a kill of all processes and reach the topic in order', async (t) => {
  const journal = await makeDirectory(t)
  const env = { VANTAGE_JOURNAL_DIR: journal }
  const first = await startCollector(t, { kafka: await nowhere(), env })
  t.match((await first.get('/health')).body, {
    status: 'degraded',
    checks: { kafka: { status: 'unhealthy' }, journal: { status: 'healthy' } },
  })
  for (let n = 0; n < 30; n++) {
    const { status, body } = await first.post(batchOf(10, { first: 10 * n }))
    t.match({ status, body }, { status: 202, body: { durability: 'journal', metrics_accepted: 10 } })
  }
  const { ledger, journal: waiting } = await first.stats()
  t.match(ledger, { received: 300, waiting: 300, acknowledged: 0, difference: 0 })
  t.match(waiting, { metrics_waiting: 300, batches_waiting: 30 })
  const pids = await first.workerPids()
  first.process.kill('SIGKILL')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await first.exit

  const kafka = await startMockKafka(t)
  const second = await startCollector(t, { kafka, env })
  const ids = (await readTopic(kafka, 300)).map(({ value }) => JSON.parse(value).id)
  t.equal(ids.length, 300, 'nothing is there twice')
  t.equal(new Set(ids).size, 300, 'nothing is missing')
  await waitFor(async () => (await second.stats()).journal.metrics_waiting === 0, 'an empty journal')
  const after = await second.stats()
  t.match(after.ledger, { adopted: 300, acknowledged: 300, waiting: 0, difference: 0 })
  t.match(after.journal, { metrics_replayed: 300 })
  await waitFor(async () => (await second.stats()).journal.bytes === 0, 'an empty disk')
  t.equal(await second.metric('metrics_replayed_total'), 300)
  // Each worker finds Kafka by itself.
  await waitFor(async () => (await second.metric('kafka_up')) === 1, 'all workers to see Kafka')
  t.match((await second.post(batchOf(1))).body, { durability: 'kafka' }, 'the fast path is back')
  t.match((await second.get('/health')).body, { status: 'healthy' })
})

test('while Kafka answers, nothing in the journal is written or even touched', async (t) => {
  const kafka = await startMockKafka(t)
  for (const durability of ['kafka', 'journal']) {
    const journal = await makeDirectory(t)
    const collector = await startCollector(t, {
      kafka,
      env: { VANTAGE_JOURNAL_DIR: journal, VANTAGE_DURABILITY: durability },
    })
    await waitFor(async () => (await collector.metric('kafka_up')) === 1, 'all workers to see Kafka')
    const before = filesIn(journal)
    for (let n = 0; n < 20; n++) t.match((await collector.post(batchOf(100))).body, { durability })
    const after = filesIn(journal)
    if (durability === 'kafka') t.strictSame(after, before)
    else t.strictNotSame(after, before, 'what is written is seen')
  }
})

test('a full journal is told with 503, never with a wrong 202, and its space is used again', async (t) => {
  // One worker: another would have room of its own for a moment, until it has measured what this one wrote.
  const journal = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_JOURNAL_MAX_MB: '1' }
  const env = { ...journal, VANTAGE_API_WORKERS: '1' }
  const first = await startCollector(t, { kafka: await nowhere(), env })
  let promised = 0
  let refused = await first.post(batchOf(100))
  for (; refused.status === 202; refused = await first.post(batchOf(100, { first: promised }))) promised += 100
  t.ok(promised >= 2000, `${promised} metrics fit`)
  t.match(refused, { status: 503, body: { code: 'VANTAGE_JOURNAL_FULL', status: 503 } })
  t.equal(refused.headers.get('retry-after'), '1')
  t.equal((await first.get('/ready')).status, 503)
  t.match((await first.get('/health')).body, { status: 'unhealthy', checks: { journal: { status: 'unhealthy' } } })
  t.equal((await first.stats()).ledger.difference, 0)
  await first.stop()

  const kafka = await startMockKafka(t)
  const second = await startCollector(t, { kafka, env })
  t.equal((await readTopic(kafka, promised)).length, promised)
  await waitFor(async () => (await second.stats()).journal.metrics_waiting === 0, 'an empty journal')
  await second.stop()

  const third = await startCollector(t, { kafka: await nowhere(), env })
  for (let posted = 0; posted < promised; posted += 100) {
    const { status } = await third.post(batchOf(100))
    if (status !== 202) t.equal(status, 202, `after ${posted}`)
  }
})

test('a journal that cannot be used is told in one line; batches go to Kafka, and get 503 without it', async (t) => {
  const directory = await makeDirectory(t)
  writeFileSync(join(directory, 'file'), '')
  const unusable = join(directory, 'file', 'journal')
  const env = { VANTAGE_JOURNAL_DIR: unusable }
  const without = await startCollector(t, { kafka: await nowhere(), env, ready: false })
  const { status, body } = await without.post(batchOf(1))
  t.match({ status, body }, { status: 503, body: { code: 'VANTAGE_JOURNAL_UNAVAILABLE' } })
  t.match(body.detail, `The journal in ${unusable} cannot be used: ENOTDIR`)
  t.match((await without.get('/ready')).status, 503)
  const told = without.logs.filter(({ msg }) => msg === 'the journal takes no batches')
  t.equal(told.length, 2, 'a line a worker')

  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  t.match((await collector.post(batchOf(1))).body, { durability: 'kafka' })
  t.match((await collector.get('/health')).body, { status: 'degraded', checks: { journal: { status: 'unhealthy' } } })
})

test('a journal of a newer version is left alone', async (t) => {
  const directory = await makeDirectory(t)
  writeFileSync(join(directory, 'FORMAT'), '2\n')
  const env = { VANTAGE_JOURNAL_DIR: directory }
  const collector = await startCollector(t, { kafka: await nowhere(), env, ready: false })
  t.match((await collector.post(batchOf(1))).body.detail, /written by a newer version .*format 2; this one reads 1/)
  t.same(readFileSync(join(directory, 'FORMAT'), 'utf8'), '2\n')
})

test('a damaged file is told at the start, and everything readable is sent', async (t) => {
  const directory = await makeDirectory(t)
  const env = { VANTAGE_JOURNAL_DIR: directory, VANTAGE_API_WORKERS: '1' }
  const first = await startCollector(t, { kafka: await nowhere(), env })
  for (let n = 0; n < 10; n++) await first.post(batchOf(10, { first: 10 * n }))
  await first.stop()
  const [log = ''] = readdirSync(join(directory, 'logs'))
  const file = join(directory, 'logs', log, '00000001.log')
  const content = readFileSync(file)
  content.fill(0, content.length >> 1, (content.length >> 1) + 100)
  writeFileSync(file, content)

  const kafka = await startMockKafka(t)
  const second = await startCollector(t, { kafka, env })
  const ids = (await readTopic(kafka, 90)).map(({ value }) => JSON.parse(value).id)
  t.equal(new Set(ids).size, 90)
  const [told] = second.logs.filter(({ msg }) => msg.startsWith('a file of the journal is damaged'))
  t.match(told, { level: 'error', keptIn: join(directory, 'damaged') })
  await waitFor(() => readdirSync(directory).includes('damaged'), 'the damaged file to be set aside')
})

test('a full disk is told with 503, and taken when there is room again', async (t) => {
  const disk = await makeDirectory(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    t.pass('not tested: this user may not mount a small file system')
    return
  }
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const filler = join(disk, 'filler')
  writeFileSync(filler, Buffer.alloc(300_000))
  const env = { VANTAGE_JOURNAL_DIR: join(disk, 'journal'), VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  const pids = await collector.workerPids()
  let promised = 0
  let refused = await collector.post(batchOf(100))
  for (; refused.status === 202; refused = await collector.post(batchOf(100, { first: promised }))) promised += 100
  t.match(refused, { status: 503, body: { code: 'VANTAGE_JOURNAL_UNAVAILABLE' } })
  t.match(refused.body.detail, 'ENOSPC: no space left on device')
  const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
  const askedAt = await uptime()
  await waitFor(async () => {
    t.equal((await collector.get('/ready')).status, 503, 'for as long as the disk is full')
    return (await uptime()) > askedAt + 3
  }, 'three seconds')
  writeFileSync(filler, '')
  await waitFor(async () => (await collector.get('/ready')).status === 200, '/ready')
  t.match(await collector.post(batchOf(100, { first: promised })), { status: 202, body: { durability: 'journal' } })
  t.same(await collector.workerPids(), pids, 'the process is the same')
  await collector.stop()

  const kafka = await startMockKafka(t)
  await startCollector(t, { kafka, env })
  const ids = (await readTopic(kafka, promised + 100)).map(({ value }) => JSON.parse(value).id)
  t.equal(new Set(ids).size, promised + 100, 'nothing that was answered 202 is missing')
})

test('a journal that lies in memory is warned of at the start', async (t) => {
  const disk = await makeDirectory(t)
  for (const type of ['tmpfs', 'ramfs']) {
    try {
      execFileSync('mount', ['-t', type, type, disk], { stdio: 'ignore' })
    } catch {
      t.pass('not tested: this user may not mount a file system')
      return
    }
    t.teardown(() => execFileSync('umount', ['-l', disk]))
    const env = { VANTAGE_JOURNAL_DIR: join(disk, 'journal'), VANTAGE_API_WORKERS: '1' }
    const collector = await startCollector(t, { kafka: await nowhere(), env })
    const [told] = collector.logs.filter(({ level }) => level === 'warn')
    t.match(told?.msg, `the journal lies on ${type}, in memory: a 202 with durability journal is lost`)
  }
})
