import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { DeadRecord } from '../../../lib/delivery/journal/dead-space.js'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'
import { command } from '../../support/run-command.js'
import { runProgram } from '../../support/run-program.js'

const letter: DeadRecord = {
  reason: 'message size too large',
  errorCode: 'MESSAGE_TOO_LARGE',
  firstSeenMs: 1701878400000,
  topic: 'metrics-raw',
  key: null,
  value: '{}',
}

/** A journal with dead letters in it, a file for each lot of values, as a process left them that has ended. */
async function leaveLetters(t: Test, lots: Iterable<string[]>): Promise<string> {
  const directory = await makeDirectory(t)
  const dead = join(directory, 'dead')
  mkdirSync(dead)
  mkdirSync(join(directory, 'logs'))
  let number = 0
  for (const values of lots) {
    const lines = values.map((value) => `${JSON.stringify({ ...letter, value })}\n`)
    writeFileSync(join(dead, `4194999-0badc0de-1.${number++}.ndjson`), lines.join(''))
  }
  return directory
}

/** The most memory that a process has had, in bytes. */
function peakMemory(pid: number): number {
  const [, kilobytes = ''] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

test('memory does not grow with the dead letters that lie on disk', async (t) => {
  const value = JSON.stringify({ note: 'x'.repeat(50_000) })
  const directory = await leaveLetters(t, [Array(2000).fill(value), ...Array(100).fill(Array(10).fill(value))])
  const env = {
    VANTAGE_JOURNAL_DIR: directory,
    VANTAGE_API_WORKERS: '1',
    VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'metrics-dead',
  }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const [pid = 0] = await collector.workerPids()
  const before = peakMemory(pid)
  await waitFor(() => readdirSync(join(directory, 'dead')).length === 0, 'all dead letters in their topic')
  const grown = (peakMemory(pid) - before) / 2 ** 20
  t.ok(grown < 120, `150 MB of dead letters took ${Math.round(grown)} MiB`)
})

test('thousands of small files of dead letters need few descriptors', async (t) => {
  const count = 2000
  const directory = await leaveLetters(
    t,
    Array.from({ length: count }, () => ['{}']),
  )
  const kafka = await startMockKafka(t)
  const env = { ...process.env, VANTAGE_JOURNAL_DIR: directory, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka }
  const journal = (...args: string[]) =>
    runProgram('sh', ['-c', 'ulimit -n 400; exec "$@"', 'sh', process.execPath, command, 'journal', ...args], { env })
  t.match(await journal('status'), { code: 0, output: `${count} dead letters` })
  t.match(await journal('list', '--dead', '--limit', '9999'), {
    code: 0,
    output: /^FIRST SEEN.*\n(.*MESSAGE_TOO_LARGE.*\n){2000}$/,
  })
  t.match(await journal('drop-dead'), { code: 1, output: `${count} dead letters would be deleted` })
  t.match(await journal('replay', '--dead'), { code: 0, output: `${count} metrics sent to Kafka` })
  t.match(await journal('drop-dead', '--yes'), { code: 0, output: '0 dead letters deleted' })
})

test('dead letters on disk count against what the journal may take', async (t) => {
  const directory = await leaveLetters(t, [['x'.repeat(2 ** 20)]])
  const env = { VANTAGE_JOURNAL_DIR: directory, VANTAGE_JOURNAL_MAX_MB: '1', VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, env, ready: false })
  t.match(await collector.post(batchOf(1)), { status: 503, body: { code: 'VANTAGE_JOURNAL_FULL' } })
})

test('a file of dead letters that cannot be read is no reason to keep the others', async (t) => {
  const directory = await leaveLetters(t, [['{"id":1}'], ['{"id":2}']])
  mkdirSync(join(directory, 'dead', '4194999-0badc0de-1.00.ndjson'))
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: directory, VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'metrics-dead' }
  const collector = await startCollector(t, { kafka, env })
  await waitFor(() => readdirSync(join(directory, 'dead')).length === 1, 'the others to be sent')
  const letters = await readTopic(kafka, 2, { topic: 'metrics-dead' })
  t.same(letters.map(({ value }) => JSON.parse(value).id).sort(), [1, 2])
  const [told] = collector.logs.filter(({ msg }) => msg.startsWith('dead letters could not be sent'))
  t.match(told, { level: 'error', reason: /EISDIR/ })
})
