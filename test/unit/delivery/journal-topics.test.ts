import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { encodeEntry } from '../../../lib/delivery/journal/entry.js'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'
import { runCommand } from '../../support/run-command.js'

const nowhere = async () => `127.0.0.1:${await freePort()}`

test('what was promised to a topic goes there, although VANTAGE_KAFKA_TOPIC is another one by then', async (t) => {
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1' }
  for (const [n, topic] of ['first-topic', 'second-topic'].entries()) {
    const away = await startCollector(t, { kafka: await nowhere(), env: { ...env, VANTAGE_KAFKA_TOPIC: topic } })
    const { body } = await away.post(batchOf(20, { first: 100 * n }))
    t.match(body, { durability: 'journal' })
    await away.stop()
  }
  // As a version left it that wrote no topics down.
  const log = join(env.VANTAGE_JOURNAL_DIR, 'logs', '4194999-0badc0de-1.0')
  const bytes = Buffer.from(JSON.stringify(metricOf(200)))
  const batch = { bytes, ends: Uint32Array.of(bytes.length), keys: [] }
  mkdirSync(log)
  writeFileSync(join(log, '00000001.log'), encodeEntry({ batch, firstSeenMs: Date.now(), topic: '' }))
  const listed = await runCommand(['journal', 'list', '--json'], { env })
  t.same([...listed.stdout.matchAll(/"topic":"(.*?)"/g)].map(([, topic]) => topic).sort(), [
    '',
    'first-topic',
    'second-topic',
  ])

  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { ...env, VANTAGE_KAFKA_TOPIC: 'third-topic' } })
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === 41, 'all of it in Kafka')
  const idsIn = async (topic: string, count: number) =>
    (await readTopic(kafka, count, { topic })).map(({ value }) => JSON.parse(value).id).sort((a, b) => a - b)
  const from = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n)
  t.same(await idsIn('first-topic', 20), from(0, 20))
  t.same(await idsIn('second-topic', 20), from(100, 20))
  t.same(await idsIn('third-topic', 1), [200])
  t.match((await collector.stats()).ledger, { adopted: 41, waiting: 0, difference: 0 })
  const found = collector.logs.filter(({ msg }) => msg.startsWith('found batches in the journal'))
  t.same(found.map(({ topic }) => topic ?? '').sort(), ['', 'first-topic', 'second-topic'])
})

test('journal replay sends each metric to its topic, and tries dead letters of VANTAGE_KAFKA_TOPIC only', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1', VANTAGE_DURABILITY: 'journal' }
  const small = { ...env, VANTAGE_KAFKA_TOPIC: 'first-topic', VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000' }
  const collector = await startCollector(t, { kafka, env: small })
  await collector.post({ ...batchOf(1), metrics: [{ ...metricOf(1), note: 'x'.repeat(20_000) }] })
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 1, 'a dead letter')
  await collector.stop()
  const away = await startCollector(t, { kafka: await nowhere(), env: { ...env, VANTAGE_KAFKA_TOPIC: 'first-topic' } })
  await away.post(batchOf(10, { first: 10 }))
  await away.stop()

  const replay = (topic: string) =>
    runCommand(['journal', 'replay', '--dead'], {
      env: { ...env, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka, VANTAGE_KAFKA_TOPIC: topic },
    })
  t.match(await replay('second-topic'), {
    code: 1,
    stdout: '10 metrics sent to Kafka, 0 left, and 1 dead letters for other topics\n',
    stderr: /dead letters for first-topic are left; VANTAGE_KAFKA_TOPIC says which are tried/,
  })
  t.match(await replay('first-topic'), { code: 0, stdout: '1 metrics sent to Kafka, 0 left\n' })
  t.equal((await readTopic(kafka, 11, { topic: 'first-topic' })).length, 11)
})
