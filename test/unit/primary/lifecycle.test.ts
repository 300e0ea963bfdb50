import { test } from 'tap'
import type { Stats } from '../../../lib/telemetry/stats-schema.js'
import { batchOf } from '../../../tools/batches.js'
import { Collector, type LogLine, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Load } from '../../support/load.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { nothingIsMissing } from '../../support/read-topic.js'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The kernel spreads connections over the workers, and one of them may not answer: asks several times at once. */
async function statsOfWhoeverAnswers(collector: Collector): Promise<Stats | undefined> {
  const ask = async (): Promise<Stats> => {
    const response = await fetch(`${collector.url}/v1/stats`, {
      headers: { Connection: 'close' },
      signal: AbortSignal.timeout(500),
    })
    return (await response.json()) as Stats
  }
  return Promise.any([ask(), ask(), ask(), ask()]).catch(() => undefined)
}

/** Resolves with the figures once there are two workers again, none of them the victim. */
function replaced(collector: Collector, victim: number): Promise<Stats> {
  return waitFor(async () => {
    const stats = await statsOfWhoeverAnswers(collector)
    return stats?.workers.length === 2 && stats.workers.every(({ pid }) => pid !== victim) ? stats : undefined
  }, 'a new worker')
}

test('SIGTERM and SIGINT under load: what was accepted is delivered, and the process exits 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const kafka = await startMockKafka(t)
    const collector = await startCollector(t, { kafka })
    const pids = await collector.workerPids()
    const load = new Load(collector, { connections: 8, batchSize: 10, pauseMs: 5 })
    await waitFor(() => load.accepted.size > 500, 'load')
    t.same(await collector.stop(signal), { code: 0, signal: null }, signal)
    await load.stop()
    t.same(
      load.statuses.filter((status) => typeof status === 'number'),
      [],
      'no answer but 202',
    )
    t.notOk(pids.some(isAlive), 'no worker is left')
    await nothingIsMissing(t, kafka, load.accepted)
  }
})

test('SIGHUP under load replaces the workers without a refused request', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const before = await collector.workerPids()
  const load = new Load(collector, { connections: 8, batchSize: 10, pauseMs: 5 })
  await waitFor(() => load.accepted.size > 500, 'load')
  collector.process.kill('SIGHUP')
  await waitFor(() => collector.logs.some(({ msg }) => msg === 'the workers are replaced'), 'the reload')
  await load.stop()
  const after = await collector.workerPids()
  t.equal(after.length, 2)
  t.notOk(after.some((pid) => before.includes(pid)))
  t.same(load.others, [], 'every request got 202')
  const { ingestion, ledger, worker_restarts } = await collector.stats()
  t.equal(ingestion.metrics_accepted, load.accepted.size, 'the figures of the old workers are kept')
  t.equal(ledger.difference, 0)
  t.equal(worker_restarts, 0, 'nothing ended unasked')
})

test('SIGHUP while workers are being replaced replaces them once more', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const said = (message: string) => collector.logs.filter(({ msg }) => msg === message).length
  collector.process.kill('SIGHUP')
  await waitFor(() => said('replacing the workers one at a time') === 1, 'the first to begin')
  const first = await collector.workerPids()
  collector.process.kill('SIGHUP')
  await waitFor(() => said('the workers are replaced') === 2, 'the second to end')
  t.notOk((await collector.workerPids()).some((pid) => first.includes(pid)))
})

test('SIGTERM at any moment of a reload ends all workers, and no more are started', async (t) => {
  const kafka = await startMockKafka(t)
  const moments: [name: string, hasCome: (logs: LogLine[]) => boolean][] = [
    ['at once', () => true],
    ['while the first new worker starts', (logs) => logs.some(({ msg }) => msg.startsWith('replacing the workers'))],
    ['when the first has taken over', (logs) => logs.some(({ msg }) => msg === 'worker drains')],
    ['when the second has', (logs) => logs.filter(({ msg }) => msg === 'worker drains').length === 2],
  ]
  for (const [name, hasCome] of moments) {
    const collector = await startCollector(t, { kafka, env: { VANTAGE_API_WORKERS: '3' } })
    const load = new Load(collector, { connections: 4, batchSize: 10, pauseMs: 5 })
    collector.process.kill('SIGHUP')
    await waitFor(() => hasCome(collector.logs), name)
    t.same(await collector.stop(), { code: 0, signal: null }, name)
    await load.stop()
    const killed = collector.logs.filter(({ msg }) => msg.startsWith('a worker did not finish in time'))
    t.same(killed, [], `${name}: none had to be killed`)
    const complaints = collector.logs.filter(({ level }) => level === 'error')
    t.same(complaints, [], `${name}: nothing is wrong with that`)
  }
})

test('SIGHUP while the collector stops starts nothing', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  collector.process.kill('SIGTERM')
  await waitFor(() => collector.logs.some(({ msg }) => msg === 'collector is stopping'), 'the stop')
  collector.process.kill('SIGHUP')
  t.same(await collector.exit, { code: 0, signal: null })
  t.notOk(collector.logs.some(({ msg }) => msg.startsWith('replacing the workers')))
})

test('a killed worker is replaced, and the sums do not fall', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  await collector.post(batchOf(10))
  const [victim = 0] = await collector.workerPids()
  process.kill(victim, 'SIGKILL')
  const stats = await replaced(collector, victim)
  t.equal(stats.ingestion.metrics_accepted, 10)
  t.equal(stats.worker_restarts, 1)
  t.equal(await collector.metric('metrics_accepted_total'), 10)
  t.equal(await collector.metric('worker_restarts_total'), 1)
  t.equal((await collector.post(batchOf(1))).status, 202)
})

test('a worker whose event loop is stuck is shown as stale, then killed and replaced', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { VANTAGE_WORKER_STUCK_AFTER_MS: '4000' } })
  const [victim = 0] = await collector.workerPids()
  process.kill(victim, 'SIGSTOP')
  await waitFor(async () => {
    const stats = await statsOfWhoeverAnswers(collector)
    return stats?.workers.some(({ pid, stale }) => pid === victim && stale)
  }, 'stale figures')
  await waitFor(() => !isAlive(victim), 'the stuck worker to be killed')
  await replaced(collector, victim)
  t.ok(collector.logs.some(({ msg, worker }) => msg === 'a worker is stuck and is killed' && worker === victim))
})

test('when the primary dies, the workers finish and exit', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const pids = await collector.workerPids()
  const load = new Load(collector, { connections: 4, batchSize: 10, pauseMs: 5 })
  await waitFor(() => load.accepted.size > 200, 'load')
  await collector.kill()
  await waitFor(() => !pids.some(isAlive), 'the workers to exit')
  await load.stop()
  t.same(
    load.statuses.filter((status) => typeof status === 'number'),
    [],
    'no answer but 202',
  )
  await nothingIsMissing(t, kafka, load.accepted)
})

test('a port in use ends the start with one clear line', async (t) => {
  const kafka = await startMockKafka(t)
  const first = await startCollector(t, { kafka })
  const second = new Collector({ kafka, env: { VANTAGE_API_PORT: new URL(first.url).port } })
  t.same(await second.exit, { code: 1, signal: null })
  t.match(second.logs, [{ level: 'fatal', msg: /^127\.0\.0\.1:\d+ is in use by another process/ }])
})

test('of two collectors that start on one port at the same moment, one ends', async (t) => {
  const kafka = await startMockKafka(t)
  const port = String(await freePort())
  const both = [1, 2].map(() => new Collector({ kafka, env: { VANTAGE_API_PORT: port } }))
  for (const collector of both) t.teardown(() => collector.kill())
  const first = await Promise.race(both.map(({ exit }) => exit))
  t.same(first, { code: 1, signal: null })
  const [stays, gone] = [...both].sort(runningFirst)
  t.match(gone?.logs, [{ level: 'fatal', msg: /is in use by another process/ }])
  await stays?.listening()
  t.equal((await stays?.stop())?.code, 0)
})

const runningFirst = (a: Collector, b: Collector) =>
  Number(a.process.exitCode !== null) - Number(b.process.exitCode !== null)

test('an address of another machine ends the start with one clear line', async (t) => {
  const collector = new Collector({ kafka: '127.0.0.1:1', env: { VANTAGE_API_HOST: '192.0.2.1' } })
  t.same(await collector.exit, { code: 1, signal: null })
  t.match(collector.logs.at(-1)?.msg, 'VANTAGE_API_HOST=192.0.2.1 is no address of this machine')
})

test('workers that never come to listen end the collector with a failure', async (t) => {
  const broken =
    'data:text/javascript,import cluster from "node:cluster";if (cluster.isWorker) throw new Error("broken")'
  const collector = new Collector({ kafka: '127.0.0.1:1', nodeArgs: ['--import', broken] })
  t.teardown(() => collector.kill())
  t.same(await collector.exit, { code: 1, signal: null })
  t.match(collector.stderr, 'Error: broken', 'a worker says why')
  // The last words of its workers may come after its own.
  t.ok(collector.logs.some(({ level, msg }) => level === 'fatal' && msg === 'workers do not start; giving up'))
})
