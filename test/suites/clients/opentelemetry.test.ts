import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { plainly } from '../../support/plainly.js'
import { readTopic } from '../../support/read-topic.js'
import { startRecordingProxy } from '../../support/recording-proxy.js'
import { runProgram } from '../../support/run-program.js'
import { startKafka } from '../../support/start-kafka.js'
import { tool } from '../../support/tools.js'
import { countPoints, expectedOf, foundIn } from './exported.js'

const programs = resolve('test/suites/clients/programs')
const seconds = 8
const brokerAwayMs = 3000
/** Of a program that has to be compiled first. */
const longestStartMs = 600_000

type Client = {
  name: string
  /** Whether what it needs is installed, as .ci/run does. */
  isThere?: () => boolean
  /** Runs the SDK's program against this address, for so many seconds. */
  command: (url: string) => string[]
  cwd?: string
}

const java = '.cache/tools/opentelemetry-java'
const python: Client = {
  name: 'Python',
  isThere: () => spawnSync(tool('python'), ['-c', 'import opentelemetry.exporter.otlp.proto.http']).status === 0,
  command: (url) => [resolve(tool('python')), join(programs, 'sdk.py'), url, String(seconds)],
}
const clients: Client[] = [
  python,
  { name: 'Node, protobuf', command: (url) => ['node', join(programs, 'sdk.mjs'), url, String(seconds), 'proto'] },
  { name: 'Node, JSON', command: (url) => ['node', join(programs, 'sdk.mjs'), url, String(seconds), 'http'] },
  { name: 'Go', command: (url) => ['go', 'run', '.', url, String(seconds)], cwd: join(programs, 'go') },
  {
    name: 'Java',
    isThere: () => existsSync(java),
    command: (url) => ['java', '-cp', `${resolve(java)}/*`, join(programs, 'java/Sdk.java'), url, String(seconds)],
  },
]

/** A collector in front of a real Kafka that is killed and comes back, with a journal, so that agents see successes alone. */
async function startStage(t: Test) {
  const kafka = await startKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: join(t.testdir(), 'journal'), VANTAGE_ACK_TIMEOUT_MS: '1000' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const proxy = await startRecordingProxy(t, collector.url)
  const outage = async () => {
    await waitFor(() => proxy.passed.length >= 3, 'the first exports', longestStartMs)
    await kafka.kill()
    await pause(brokerAwayMs)
    await kafka.restart()
  }
  return { kafka, collector, proxy, outage }
}

type Stage = Awaited<ReturnType<typeof startStage>>

async function run({ command, cwd = '.' }: Client, url: string): Promise<number> {
  const [name = '', ...args] = command(url)
  const { code, output } = await runProgram(...plainly(name, args), { cwd })
  const [, exported] = /^exported (\d+)$/m.exec(output) ?? []
  if (code !== 0 || exported === undefined) throw new Error(`${name} ended with ${code}: ${output}`)
  return Number(exported)
}

/** Every point that was answered 200 is in the topic once, with the value that an independent decoder reads. */
async function compare(t: Test, { kafka, collector, proxy }: Stage): Promise<void> {
  await waitFor(async () => (await collector.stats()).ledger.waiting === 0, 'the journal to be empty')
  const expected = expectedOf(proxy.passed)
  const { found, twice } = foundIn(await readTopic(kafka.bootstrap, expected.size))
  t.ok(expected.size > 100, `${expected.size} records`)
  t.same(twice, [])
  t.same(found.size, expected.size)
  for (const [identity, record] of expected) {
    const there = found.get(identity)
    const isSame =
      there !== undefined && Number(there.value) === Number(record.value) && isWritten(record.value, there.value)
    if (!isSame) t.same(there, record, identity)
    else if (record.histogram !== undefined) t.same(there.histogram, record.histogram, identity)
  }
  const { ledger, ingestion } = await collector.stats()
  t.match(ledger, { rejected: 0, deferred: 0, difference: 0 })
  t.equal(ingestion.metrics_accepted, countPoints(proxy.passed))
}

/** Integers keep each digit. */
function isWritten(expected: string, found: string): boolean {
  return !/^-?\d+$/.test(expected) || expected === found
}

for (const client of clients) {
  test(`what the SDK of ${client.name} counts as exported is in the topic once, while Kafka goes and comes`, async (t) => {
    if (client.isThere?.() === false) {
      t.pass('', { skip: 'the SDK is not here; .ci/run installs it' })
      return
    }
    const stage = await startStage(t)
    const [exported] = await Promise.all([run(client, stage.proxy.url), stage.outage()])
    const answered = countPoints(stage.proxy.passed)
    // Of what it gives up when it ends, a client does not hear.
    t.ok(exported > 0 && exported <= answered, `${exported} exported of ${answered} that were answered 200`)
    await compare(t, stage)
  })
}

test('what an OpenTelemetry Collector has taken is in the topic once, while Kafka goes and comes', async (t) => {
  const collector = tool('otelcol-http')
  if (!existsSync(collector) || python.isThere?.() === false) {
    t.pass('', { skip: `${collector} is not here: programs/otelcol-builder.yaml says how it is built` })
    return
  }
  const stage = await startStage(t)
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), URL: stage.proxy.url }
  const peer = spawn(resolve(collector), ['--config', join(programs, 'otelcol.yaml')], { env, stdio: 'ignore' })
  t.teardown(() => peer.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  await waitFor(
    () =>
      fetch(url)
        .then(() => true)
        .catch(() => false),
    'the OpenTelemetry Collector',
  )
  const [exported] = await Promise.all([run(python, url), stage.outage()])
  peer.kill('SIGTERM')
  await once(peer, 'exit')
  t.equal(exported, countPoints(stage.proxy.passed))
  await compare(t, stage)
})
