import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'
import { runCommand } from '../../support/run-command.js'

/** The environment of a journal in which 3 batches of 10 metrics wait, left by a collector that has ended. */
async function leaveBatches(t: Test): Promise<Record<string, string>> {
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, env })
  for (let n = 0; n < 3; n++) await collector.post(batchOf(10, { first: 10 * n }))
  const running = await runCommand(['journal', 'status', '--json'], { env })
  t.match(JSON.parse(running.stdout), { metrics: 30, logs: [{ running: true, metrics: 30 }] })
  await collector.stop()
  return env
}

test('what waits in the journal can be seen, listed and taken out without changing it', async (t) => {
  const env = await leaveBatches(t)
  t.match(await runCommand(['journal', 'status'], { env }), {
    code: 0,
    stdout:
      /30 metrics in 3 batches wait, the oldest for (\d+ min )?\d+ s; [\d.]+ KiB of 1\.0 GiB\n {2}process \d+ \(ended\): 30/,
  })
  const { stdout } = await runCommand(['journal', 'list', '--json', '--limit', '2'], { env })
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(rows.length, 2)
  t.match(rows[0], { metrics: 10, service: 'api-gateway' })

  const file = join(await makeDirectory(t), 'metrics.ndjson')
  t.match(await runCommand(['journal', 'export', file], { env }), { code: 0, stderr: /^30 records written/ })
  const exported = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.same(
    exported.map(({ id }) => id),
    Array.from({ length: 30 }, (_, n) => n),
  )
  t.match(
    await runCommand(['journal', 'export', file], { env }),
    { code: 1 },
    'a file that is there is not overwritten',
  )
  t.equal(
    JSON.parse((await runCommand(['journal', 'status', '--json'], { env })).stdout).metrics,
    30,
    'all is still there',
  )
})

test('a name that would steer the terminal is shown as what it is, on one line', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1' }
  const service = 'check\u001b]0;mine\u0007out\n\u202edone'
  const shown = 'check\ufffd]0;mine\ufffdout\ufffd\ufffddone'
  const away = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, env })
  await away.post(batchOf(1, { service }))
  await away.stop()
  const waiting = await runCommand(['journal', 'list'], { env })
  t.match(waiting.stdout, shown)
  t.match(waiting.stdout, /^FIRST SEEN +METRICS +BYTES {2}SERVICE +PROCESS {2}TOPIC\n/)
  t.equal(waiting.stdout.trimEnd().split('\n').length, 2)

  const small = { ...env, VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '1000' }
  const collector = await startCollector(t, { kafka, env: { ...small, VANTAGE_DURABILITY: 'journal' } })
  await collector.post({ ...batchOf(0, { service }), metrics: [{ ...metricOf(1, service), note: 'x'.repeat(2000) }] })
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 1, 'a dead letter')
  const dead = await runCommand(['journal', 'list', '--dead'], { env })
  t.match(dead.stdout, shown)
  t.equal(dead.stdout.trimEnd().split('\n').length, 2)
})

test('a journal of a collector that does not run is sent by journal replay', async (t) => {
  const env = await leaveBatches(t)
  const kafka = await startMockKafka(t)
  const { code, stdout } = await runCommand(['journal', 'replay', '--json'], {
    env: { ...env, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka },
  })
  t.equal(code, 0)
  t.same(JSON.parse(stdout), { metrics: 30, refused: 0, left: 0, unreadable: 0, elsewhere: 0 })
  t.equal(new Set((await readTopic(kafka, 30)).map(({ value }) => JSON.parse(value).id)).size, 30)
  t.match(JSON.parse((await runCommand(['journal', 'status', '--json'], { env })).stdout), { metrics: 0, logs: [] })
})

test('beside a collector that runs, journal replay says that it sends what waits, and which process', async (t) => {
  const env = {
    VANTAGE_JOURNAL_DIR: await makeDirectory(t),
    VANTAGE_API_WORKERS: '1',
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${await freePort()}`,
  }
  const collector = await startCollector(t, { env })
  await collector.post(batchOf(10))
  const [pid] = await collector.workerPids()
  t.match(await runCommand(['journal', 'replay'], { env }), {
    code: 0,
    stdout: `0 metrics sent to Kafka, 0 left\n10 metrics wait for a collector that runs (process ${pid}): it sends them itself when Kafka takes them\n`,
  })
})

test('dead letters are listed, tried again, and deleted only when told twice', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka }
  const small = { ...env, VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000', VANTAGE_DURABILITY: 'journal' }
  const collector = await startCollector(t, { kafka, env: small })
  const large = [1, 2].map((id) => ({ ...metricOf(id), note: 'x'.repeat(20_000) }))
  await collector.post({ ...batchOf(1), metrics: large })
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 2, 'dead letters')
  await collector.stop()

  const listed = await runCommand(['journal', 'list', '--dead'], { env })
  t.match(
    listed.stdout,
    /^FIRST SEEN +ERROR CODE +REASON +KEY +BYTES\n.* {2}MESSAGE_TOO_LARGE {2}message size too large {2}api-gateway/,
  )
  t.match(await runCommand(['journal', 'drop-dead'], { env }), {
    code: 1,
    stdout: /^2 dead letters would be deleted; --yes/,
  })
  t.match(await runCommand(['journal', 'replay', '--dead'], { env: small }), {
    code: 1,
    stdout: '0 metrics sent to Kafka, 2 refused and kept as dead letters, 0 left\n',
  })
  const replayed = await runCommand(['journal', 'replay', '--dead', '--json'], { env })
  t.match(JSON.parse(replayed.stdout), { metrics: 2, left: 0 })
  t.same(
    (await readTopic(kafka, 2)).map(({ value }) => JSON.parse(value).id),
    [1, 2],
  )

  const again = await startCollector(t, { kafka, env: small })
  await again.post({ ...batchOf(1), metrics: large })
  await waitFor(async () => (await again.stats()).ledger.dead_lettered === 2, 'dead letters')
  t.match(await runCommand(['journal', 'drop-dead', '--yes'], { env }), { code: 0, stdout: '2 dead letters deleted\n' })
  t.same(readdirSync(join(env.VANTAGE_JOURNAL_DIR, 'dead')), [])
})

test('dead letters that leave no room in the journal go to Kafka at once; without it, the way out is told', async (t) => {
  const kafka = await startMockKafka(t)
  const env = {
    VANTAGE_JOURNAL_DIR: await makeDirectory(t),
    VANTAGE_JOURNAL_MAX_MB: '1',
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka,
  }
  const small = { ...env, VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000', VANTAGE_DURABILITY: 'journal' }
  const collector = await startCollector(t, { kafka, env: small })
  await collector.post({ ...batchOf(1), metrics: [{ ...metricOf(1), note: 'x'.repeat(600_000) }] })
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 1, 'a dead letter')
  await collector.stop()

  const replay = ['journal', 'replay', '--dead']
  const away = { ...env, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${await freePort()}` }
  t.match(await runCommand(replay, { env: away }), { code: 1, stderr: /raise VANTAGE_JOURNAL_MAX_MB for this command/ })
  t.match(await runCommand(replay, { env: small }), {
    code: 1,
    stdout: '0 metrics sent to Kafka, 1 refused and kept as dead letters, 0 left\n',
  })
  t.match(await runCommand(replay, { env }), { code: 0, stdout: '1 metrics sent to Kafka, 0 left\n' })
})

test('mistakes are told', async (t) => {
  t.match(await runCommand(['journal', 'destroy']), {
    code: 2,
    stderr: /one of status, list, export, replay, drop-dead/,
  })
  const env = { VANTAGE_JOURNAL_DIR: join(await makeDirectory(t), 'nothing') }
  t.match(await runCommand(['journal', 'status'], { env }), {
    code: 1,
    stderr: /There is no journal in .*nothing; VANTAGE_JOURNAL_DIR/,
  })
})
