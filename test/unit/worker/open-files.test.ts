import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { runProgram } from '../../support/run-program.js'

const openFiles = 450
/** That many less the reserve. */
const possible = 150
const opened = 600

test('more idle connections than a worker may have files open cost no worker, no metric and no figure', async (t) => {
  const env = { VANTAGE_API_WORKERS: '1', VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env, openFiles })
  t.match(
    collector.logs.filter(({ msg }) =>
      msg.startsWith('a worker cannot keep VANTAGE_MAX_CONNECTIONS=10000 open: raise'),
    ),
    [{ level: 'warn', openFiles, connections: possible }],
  )
  const [pid] = await collector.workerPids()
  const { hostname, port } = new URL(collector.url)
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let n = 0; n < opened; n++) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    sockets.push(socket)
    await once(socket, 'connect')
  }
  await waitFor(() => sockets.filter(({ closed }) => !closed).length < possible, 'the rest to be closed')
  t.equal((await collector.post(batchOf(3))).status, 202)
  t.ok((await collector.metric('connections_over_limit_total')) >= opened - possible)
  t.equal(await collector.metric('connections_limit'), possible)
  t.equal(await collector.metric('samples_missed_total'), 0)
  const { workers, worker_restarts } = await collector.stats()
  t.equal(worker_restarts, 0)
  t.equal(workers[0]?.pid, pid)
})

test('too few open files for a worker end the start with one line that says what to raise', async (t) => {
  const collector = new Collector({ openFiles: 128 })
  t.same(await collector.exit, { code: 1, signal: null })
  t.match(collector.logs, [
    {
      level: 'fatal',
      msg: /^A process may open 128 files here, and a worker needs 400: raise the limit \(ulimit -n, /,
    },
  ])
  t.equal(collector.logs.length, 1)
})

/** Runs statements in a process that may not open another file once `exhaust` was called, until `release` is. */
function runExhausted(statements: string) {
  const script = `
    import { closeSync, openSync } from 'node:fs'
    const taken = []
    const exhaust = () => { try { for (;;) taken.push(openSync('/dev/null')) } catch {} }
    const release = () => { for (const descriptor of taken.splice(0)) closeSync(descriptor) }
    ${statements}`
  return runProgram('prlimit', ['--nofile=100:100', process.execPath, '--input-type=module', '--eval', script], {})
}

test('a figure that the system does not give is one missing sample', async (t) => {
  const { code, output } = await runExhausted(`
    const { Telemetry } = await import('./dist/lib/telemetry/telemetry.js')
    const telemetry = new Telemetry()
    const stores = { kafka: { up: true, message: '' }, journal: undefined, brokers: [] }
    const { residentMemoryBytes } = telemetry.snapshot(stores).gauges
    exhaust()
    const { gauges, counts, cpuSeconds } = telemetry.snapshot(stores)
    release()
    console.log(residentMemoryBytes > 0, gauges.residentMemoryBytes === residentMemoryBytes, counts.samplesMissed, cpuSeconds > 0)`)
  t.same({ code, output }, { code: 0, output: 'true true 1 true\n' })
})

test('a page that could not be read is read the next time', async (t) => {
  const { code, output } = await runExhausted(`
    const { StaticFiles } = await import('./dist/lib/worker/http/static-files.js')
    const files = new StaticFiles()
    exhaust()
    const failure = await files.get('pages/icon.svg').catch(({ code }) => code)
    release()
    console.log(failure, (await files.get('pages/icon.svg')).body.length > 0)`)
  t.same({ code, output }, { code: 0, output: 'EMFILE true\n' })
})
