import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { type DiskFault, FaultyDisk } from '../../support/faulty-disk.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'
import { runCommand } from '../../support/run-command.js'

const nowhere = async () => `127.0.0.1:${await freePort()}`
const takesNone = 'the journal takes no batches'
const cannotBeRead = 'a part of the journal cannot be read; what is in it waits, and is tried again'

/** Posts `count` batches of 10 metrics, each of which has to be promised from the disk. */
async function journalBatches(t: Test, collector: Collector, count: number, first = 0): Promise<void> {
  for (let n = 0; n < count; n++) {
    const { status, body } = await collector.post(batchOf(10, { first: first + 10 * n }))
    t.match({ status, body }, { status: 202, body: { durability: 'journal' } })
  }
}

/** Ends a collector without a chance to do anything more. */
async function killAll(collector: Collector): Promise<void> {
  const pids = await collector.workerPids()
  await collector.kill()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}

/** What reaches the topic once Kafka is there has to be the metrics from 0 to `count`. */
async function allArrive(t: Test, env: Record<string, string>, count: number): Promise<void> {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env })
  const ids = new Set((await readTopic(kafka, count)).map(({ value }) => JSON.parse(value).id))
  t.equal(ids.size, count, 'nothing that was promised is missing')
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
}

/** Some looks at the journal later. */
async function threeSecondsLater(collector: Collector): Promise<void> {
  const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
  const askedAt = await uptime()
  await waitFor(async () => (await uptime()) > askedAt + 3, 'three seconds')
}

for (const [what, remove] of Object.entries({
  'the journal': (journal: string) => rmSync(journal, { recursive: true }),
  'the directory of its logs': (journal: string) => rmSync(join(journal, 'logs'), { recursive: true }),
  'the files of a log': (journal: string) => {
    for (const log of readdirSync(join(journal, 'logs'))) {
      for (const file of readdirSync(join(journal, 'logs', log))) rmSync(join(journal, 'logs', log, file))
    }
  },
  'the journal, to another place,': (journal: string) => renameSync(journal, join(mkdtempSync(`${journal}-`), 'moved')),
})) {
  test(`somebody removes ${what} in an outage: batches are taken, and nothing promised is lost`, async (t) => {
    const journal = join(await makeDirectory(t), 'journal')
    const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1' }
    const collector = await startCollector(t, { kafka: await nowhere(), env })
    await journalBatches(t, collector, 5)
    remove(journal)
    await journalBatches(t, collector, 5, 50)
    remove(journal)
    // Nobody posts: what was promised has to come back to the disk nevertheless.
    await waitFor(async () => {
      const { stdout } = await runCommand(['journal', 'status', '--json'], { env })
      return stdout !== '' && JSON.parse(stdout).metrics === 100
    }, 'all metrics to be on disk')
    t.equal((await collector.get('/ready')).status, 200)
    t.notOk(collector.logs.some(({ msg }) => msg === takesNone))
    await killAll(collector)
    await allArrive(t, env, 100)
  })
}

test('a cleaner of empty directories does not stop the journal', async (t) => {
  const journal = await makeDirectory(t)
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1', VANTAGE_DURABILITY: 'journal' }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  for (let first = 0; first < 30; first += 10) {
    await journalBatches(t, collector, 1, first)
    await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
    const logs = join(journal, 'logs')
    for (const log of readdirSync(logs)) {
      for (const file of readdirSync(join(logs, log))) rmSync(join(logs, log, file))
      rmdirSync(join(logs, log))
    }
    if (first > 0) rmdirSync(logs)
  }
  await journalBatches(t, collector, 1, 30)
  t.notOk(collector.logs.some(({ msg }) => msg === takesNone))
  t.match((await collector.get('/health')).body, { status: 'healthy' })
})

const logsFail = (call: DiskFault['call'], fault: DiskFault['fault']): DiskFault => ({ call, fault, at: '/logs/' })
for (const [what, faults, afterFirst] of [
  ['its disk turns read-only', [logsFail('create', 'EROFS'), logsFail('write', 'EROFS')], true],
  ['its rights are taken away', [logsFail('create', 'EACCES'), logsFail('mkdir', 'EACCES')], false],
  ['its disk has no inodes left', [logsFail('create', 'ENOSPC')], false],
  ['its quota is used up', [logsFail('write', 'EDQUOT')], true],
  ['its disk fails to sync', [logsFail('sync', 'EIO')], true],
] as const) {
  test(`the journal says so when ${what}, and takes batches when that has passed`, async (t) => {
    const disk = await FaultyDisk.make(t)
    const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1', ...disk.env }
    const collector = await startCollector(t, { kafka: await nowhere(), env })
    if (afterFirst) await journalBatches(t, collector, 2)
    const promised = afterFirst ? 20 : 0
    disk.set(...faults)
    const { status, body } = await collector.post(batchOf(10))
    t.match({ status, body }, { status: 503, body: { code: 'VANTAGE_JOURNAL_UNAVAILABLE' } })
    t.match(body.detail, faults[0].fault)
    await threeSecondsLater(collector)
    t.match(await collector.get('/ready'), { status: 503, body: { reason: faults[0].fault } })
    t.equal(collector.logs.filter(({ msg }) => msg === takesNone).length, 1, 'told once, not again and again')
    disk.mend()
    await waitFor(async () => (await collector.get('/ready')).status === 200, 'a journal that takes batches')
    await journalBatches(t, collector, 2, promised)
    await killAll(collector)
    await allArrive(t, env, promised + 20)
  })
}

/** A small file system in memory; undefined, which is told, where this user may mount none. */
function mountMemory(t: Test, directory: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    t.pass('not tested: this user may not mount a small file system')
    return false
  }
  t.teardown(() => execFileSync('umount', ['-l', directory]))
  return true
}

test('a real disk that turns read-only, or has no inodes left, is told, and used again when that has passed', async (t) => {
  const disk = await makeDirectory(t)
  if (!mountMemory(t, disk, 'size=4m,nr_inodes=40')) return
  const journal = join(disk, 'journal')
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  execFileSync('mount', ['-o', 'remount,ro', disk])
  t.match(await collector.post(batchOf(10)), { status: 503, body: { detail: /EROFS/ } })
  execFileSync('mount', ['-o', 'remount,rw', disk])
  await waitFor(async () => (await collector.get('/ready')).status === 200, 'a journal that takes batches')
  await journalBatches(t, collector, 1)
  await killAll(collector)

  const fill = () => {
    for (let n = 0; ; n++) writeFileSync(join(disk, `filler-${n}`), '')
  }
  const second = await startCollector(t, { kafka: await nowhere(), env })
  await waitFor(async () => (await second.stats()).journal.metrics_waiting === 10, 'what was left')
  t.throws(fill, { code: 'ENOSPC' })
  t.match(await second.post(batchOf(10, { first: 10 })), { status: 503, body: { detail: /ENOSPC/ } })
  for (const name of readdirSync(disk)) if (name.startsWith('filler')) rmSync(join(disk, name))
  await waitFor(async () => (await second.get('/ready')).status === 200, 'a journal that takes batches')
  await journalBatches(t, second, 1, 10)
  await killAll(second)
  await allArrive(t, env, 20)
})

test('another disk that is mounted over the journal in an outage gets what was promised before', async (t) => {
  const journal = await makeDirectory(t)
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  await journalBatches(t, collector, 2)
  if (!mountMemory(t, journal, 'size=4m')) return
  await journalBatches(t, collector, 2, 20)
  await killAll(collector)
  await allArrive(t, env, 40)
})

test('files that are sent and cannot be deleted or marked are no reason to take no batches', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = await makeDirectory(t)
  const env = {
    VANTAGE_JOURNAL_DIR: journal,
    VANTAGE_JOURNAL_MAX_MB: '4',
    VANTAGE_API_WORKERS: '1',
    VANTAGE_DURABILITY: 'journal',
    ...disk.env,
  }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  disk.set({ call: 'remove', fault: 'EIO', at: '/logs/' }, { call: 'create', fault: 'ENOSPC', at: '.done' })
  for (let n = 0; n < 60; n++) t.equal((await collector.post(batchOf(100))).body.durability, 'journal')
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'all of it in Kafka')
  t.equal((await collector.get('/health')).body.status, 'healthy')
  t.notOk(collector.logs.some(({ msg }) => msg === takesNone))
  const told = collector.logs.filter(({ msg }) => msg.startsWith('what is sent cannot be noted or deleted'))
  t.equal(told.length, 1)
  disk.mend()
  await waitFor(async () => (await collector.stats()).journal.bytes < 2 ** 19, 'the files to be deleted')
})

/** Processes that have ended have left 50 metrics each, the same ones. Gives the names of their logs. */
async function leaveLogs(t: Test, journal: string, count: number): Promise<string[]> {
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  await journalBatches(t, collector, 5)
  await killAll(collector)
  const logs = join(journal, 'logs')
  const [left = ''] = readdirSync(logs)
  return Array.from({ length: count }, (_, n) => {
    const name = `4194999-0badc0de-1.${n}`
    if (n === 0) renameSync(join(logs, left), join(logs, name))
    else cpSync(join(logs, `4194999-0badc0de-1.0`), join(logs, name), { recursive: true })
    return name
  })
}

test('logs that cannot be read are told, hold up no other, and are sent when they can be read', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = await makeDirectory(t)
  const calls = [
    ['open', 'EACCES'],
    ['list', 'EIO'],
    ['access', 'EACCES'],
    ['rename', 'EPERM'],
    ['open', 'EMFILE'],
  ] as const
  const logs = await leaveLogs(t, journal, calls.length + 1)
  disk.set(...calls.map(([call, fault], n) => ({ call, fault, at: `/${logs[n]}` })))
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: journal, ...disk.env }
  const collector = await startCollector(t, { kafka, env })
  await waitFor(async () => (await collector.stats()).journal.unreadable === calls.length, 'all of them to be told')
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === 50, 'the other log in Kafka')
  await threeSecondsLater(collector)
  const { status, body } = await collector.get('/health')
  t.match({ status, body }, { status: 200, body: { status: 'degraded', checks: { journal: { status: 'unhealthy' } } } })
  t.match(body.checks, { journal: { message: /Takes batches; not all that waits can be read: .* and 4 more/ } })
  t.equal(await collector.metric('journal_unreadable'), calls.length)
  const told = collector.logs.filter(({ msg }) => msg === cannotBeRead)
  t.equal(told.length, 2, 'a line a worker')
  t.match(told[0], { level: 'error', file: /0badc0de/, reason: /^E/, more: calls.length - 1 })
  t.match(await collector.post(batchOf(1)), { status: 202, body: { durability: 'kafka' } })
  const seen = JSON.parse((await runCommand(['journal', 'status', '--json'], { env })).stdout).logs
  t.same(seen.map(({ unreadable }: { unreadable: string | null }) => unreadable?.split(':')[0]).sort(), [
    'EACCES',
    'EIO',
    'EMFILE',
    undefined,
    undefined,
  ])

  disk.mend()
  const total = 50 * logs.length
  await waitFor(async () => (await collector.stats()).ledger.adopted === total, 'all to be taken over')
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'all to be sent')
  await waitFor(async () => (await collector.stats()).journal.unreadable === 0, 'all workers to see that')
  t.match((await collector.get('/health')).body, { status: 'healthy' })
  t.equal((await collector.stats()).ledger.difference, 0)
  t.equal((await readTopic(kafka, total + 1)).length, total + 1)
})

test('a file of a log that the disk cannot read is told, holds up no other, and is sent when it can be read', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = await makeDirectory(t)
  // Segments of 64 KiB.
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_JOURNAL_MAX_MB: '1', VANTAGE_API_WORKERS: '1', ...disk.env }
  const first = await startCollector(t, { kafka: await nowhere(), env })
  for (let n = 0; n < 20; n++) t.equal((await first.post(batchOf(100, { first: 100 * n }))).status, 202)
  await killAll(first)
  disk.set({ call: 'read', fault: 'EIO', at: '00000002.log' })
  const waiting = await runCommand(['journal', 'status', '--json'], { env })
  t.match(JSON.parse(waiting.stdout).logs, [{ running: false, unreadable: 'EIO: i/o error, read' }])
  t.match(await runCommand(['journal', 'list'], { env }), { code: 1, stderr: /cannot be read: EIO/ })

  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env })
  await waitFor(async () => (await collector.stats()).journal.unreadable === 1, 'a file that cannot be read')
  await waitFor(async () => {
    const { ledger } = await collector.stats()
    return ledger.adopted > 0 && ledger.adopted === ledger.acknowledged
  }, 'all the others in Kafka')
  t.match((await collector.get('/health')).body, { status: 'degraded', checks: { journal: { message: /EIO/ } } })
  disk.mend()
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === 2000, 'all of it in Kafka')
  t.equal((await readTopic(kafka, 2000)).length, 2000, 'nothing is there twice')
  await waitFor(async () => (await collector.get('/health')).body.status === 'healthy', 'health')
})

test('what cannot be read any more while it waits is told, holds up nothing else, and is sent in the end', async (t) => {
  const disk = await FaultyDisk.make(t)
  const env = {
    VANTAGE_JOURNAL_DIR: await makeDirectory(t),
    VANTAGE_JOURNAL_MAX_MB: '1',
    VANTAGE_API_WORKERS: '1',
    VANTAGE_DURABILITY: 'journal',
    ...disk.env,
  }
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env })
  disk.set({ call: 'read', fault: 'EIO', at: '00000001.log' })
  for (let n = 0; n < 10; n++) t.equal((await collector.post(batchOf(100, { first: 100 * n }))).status, 202)
  await waitFor(async () => {
    const { journal, ledger } = await collector.stats()
    return journal.unreadable === 1 && ledger.acknowledged > 0 && journal.metrics_waiting > 0
  }, 'a file that cannot be read, and others that are sent')
  t.match((await collector.get('/health')).body, { status: 'degraded', checks: { journal: { message: /EIO/ } } })
  disk.mend()
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === 1000, 'all of it in Kafka')
  t.equal((await readTopic(kafka, 1000)).length, 1000)
})

test('journal replay sends what can be read, and says what cannot', async (t) => {
  const disk = await FaultyDisk.make(t)
  const journal = await makeDirectory(t)
  const [log = ''] = await leaveLogs(t, journal, 2)
  disk.set({ call: 'open', fault: 'EACCES', at: log })
  const kafka = { VANTAGE_KAFKA_BOOTSTRAP_SERVERS: await startMockKafka(t) }
  const env = { VANTAGE_JOURNAL_DIR: journal, ...kafka, ...disk.env }
  t.match(await runCommand(['journal', 'replay'], { env }), {
    code: 1,
    stdout: /^50 metrics sent to Kafka, 0 left, and what 1 files or directories hold that cannot be read\n/,
    stderr: new RegExp(`${log} cannot be read: EACCES`),
  })
  disk.mend()
  t.match(await runCommand(['journal', 'replay'], { env }), { code: 0, stdout: /^50 metrics/ })
})

test('after a restart in an outage all that waits is counted, and journal status agrees', async (t) => {
  const journal = await makeDirectory(t)
  const logs = await leaveLogs(t, journal, 8)
  // A log without anything in it is nothing to wait for.
  mkdirSync(join(journal, 'logs', '4194999-0badc0de-1.99'))
  const env = { VANTAGE_JOURNAL_DIR: journal }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 400, 'all 400 to be counted')
  t.match(await collector.stats(), { journal: { batches_waiting: 40 }, ledger: { adopted: 400, difference: 0 } })
  const { stdout } = await runCommand(['journal', 'status', '--json'], { env })
  const state = JSON.parse(stdout)
  t.match(state, { metrics: 400, batches: 40 })
  t.equal(state.logs.filter(({ running }: { running: boolean }) => running).length, logs.length)
})

test('figures tell that the journal cannot be written, how full it is, and that it works again', async (t) => {
  const disk = await FaultyDisk.make(t)
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_JOURNAL_MAX_MB: '4', ...disk.env }
  disk.set({ call: 'access', fault: 'EACCES', at: '/logs' })
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  t.match((await collector.stats()).journal, { up: false, bytes: 0, limit_bytes: 4 * 2 ** 20 })
  t.equal(await collector.metric('journal_up'), 0)
  disk.mend()
  await waitFor(async () => (await collector.metric('journal_up')) === 1, 'the journal to work')
  t.equal(await collector.metric('journal_limit_bytes'), 4 * 2 ** 20)
})

test('the fill of the journal is that of all workers and of the dead letters', async (t) => {
  const journal = await makeDirectory(t)
  mkdirSync(join(journal, 'dead'))
  writeFileSync(join(journal, 'dead', '4194999-0badc0de-1.0.ndjson'), `${'x'.repeat(99_999)}\n`)
  const env = { VANTAGE_JOURNAL_DIR: journal, VANTAGE_API_WORKERS: '2' }
  const collector = await startCollector(t, { kafka: await nowhere(), env })
  await journalBatches(t, collector, 20)
  const inLogs = () => {
    const logs = readdirSync(join(journal, 'logs'), { recursive: true, withFileTypes: true })
    const files = logs.filter((entry) => entry.isFile())
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  }
  await waitFor(async () => (await collector.stats()).journal.bytes === inLogs() + 100_000, 'the whole journal')
})
