import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { runCommand } from '../../support/run-command.js'
import { startStub } from '../../support/stub-server.js'
import { startOnTerminal } from '../../support/terminal.js'

const oneWorker = { VANTAGE_API_WORKERS: '1' }
const quick = ['--interval-ms', '100']
const giveBack = '\u001b[?25h\u001b[?1049l'

test('without a terminal it prints one plain page, with what the collector counts, and ends', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  await collector.post(batchOf(234, { service: 'checkout' }))
  await collector.post(batchOf(1000))
  await collector.post({ ...batchOf(1), metrics: [metricOf(0), { ...metricOf(1), value: 'x' }] })
  await collector.post('{"metrics":')
  await waitFor(async () => (await collector.stats()).kafka.brokers.length === 1, 'the first statistics of librdkafka')
  const { code, stdout, stderr } = await runCommand(['top', '--url', collector.url, ...quick])
  t.equal(code, 0, stderr)
  t.notMatch(stdout, '\u001b')
  t.match(stdout, /^vantage-collector {2}development {2}version \d.* ● Operational$/m)
  t.match(stdout, 'Received 1,236 = Rejected 1 + Acknowledged 1,235 ✓ Balanced')
  t.match(stdout, 'Accepted in all 1,235')
  t.match(stdout, 'in part: value.type × 1')
  t.match(stdout, '400 Request body is not valid JSON')
  for (const pid of await collector.workerPids()) t.match(stdout, new RegExp(`^\\d ${pid} `, 'm'))
  t.match(stdout, /127\.0\.0\.1:\d+\/1 +up/)
  t.ok(stdout.split('\n').every((line) => line.length <= 80))
})

test('on a terminal it fills it, follows the figures and its size, and gives it back as it was', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: oneWorker })
  const terminal = startOnTerminal(t, ['top', '--url', collector.url, ...quick])
  await waitFor(() => terminal.page.includes('Received 0 = Acknowledged 0'), 'the first page')
  const fills = (rows: number, columns: number) =>
    terminal.lines.length === rows && terminal.lines.every((line) => line.length === columns)
  t.ok(fills(24, 80))
  t.match(terminal.lines.at(-1), /^q ends {2}http/)
  t.match(terminal.painted, '\u001b[32m')

  let posting = true
  const load = (async () => {
    while (posting) await collector.post(batchOf(100, { service: 'check\u001b[2Jout' }))
  })()
  await waitFor(() => /check\ufffd\[2Jout +[\d.,]+( k)?\s/.test(terminal.page), 'the rate of a service')
  t.match(terminal.page, /Received [\d.,]+( k)?\/s/)
  t.match(terminal.page, /Answers p50 [\d.]+ ms/)
  posting = false
  await load

  for (const [rows, columns] of [
    [50, 132],
    [10, 40],
    [24, 80],
  ] as const) {
    terminal.resize(rows, columns)
    await waitFor(() => fills(rows, columns), `${rows} rows of ${columns} columns`)
    t.match(terminal.page, 'Received')
  }

  terminal.type('\u0003')
  t.equal(await terminal.exit, 0, 'Ctrl-C ends it, and the terminal is as it was')
  t.ok(terminal.output.endsWith(giveBack))
})

test('it leaves the terminal as it was however it is ended, and NO_COLOR is heeded', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: oneWorker })
  const start = async () => {
    const terminal = startOnTerminal(t, ['top', '--url', collector.url, ...quick], { env: { NO_COLOR: '1' } })
    await waitFor(() => terminal.page.includes('Operational'), 'a page')
    t.notMatch(terminal.painted, '\u001b[32m')
    return terminal
  }
  const told = await start()
  told.signal(constants.signals.SIGTERM)
  t.equal(await told.exit, 0)
  t.ok(told.output.endsWith(giveBack))
  const quit = await start()
  quit.type('q')
  t.equal(await quit.exit, 0)
})

test('it says that nobody answers, with the last figures, and goes on when the collector is back', async (t) => {
  const kafka = await startMockKafka(t)
  const port = await freePort()
  const env = { VANTAGE_API_PORT: String(port), ...oneWorker }
  const url = `http://127.0.0.1:${port}`
  const terminal = startOnTerminal(t, ['top', '--url', url, ...quick])
  await waitFor(() => terminal.page.includes(`${url} does not answer: `), 'the failure')
  t.match(terminal.page, 'ECONNREFUSED')

  const first = new Collector({ kafka, env })
  t.teardown(() => first.kill())
  await first.listening()
  await waitFor(() => terminal.page.includes('Operational'), 'the figures')
  await first.post(batchOf(7))
  await waitFor(() => terminal.page.includes('Received 7 = Acknowledged 7'), 'the ledger')
  await first.stop()
  await waitFor(() => terminal.page.includes('does not answer'), 'the failure')
  t.match(terminal.page, `Last figures; ${url}`)
  t.match(terminal.page, 'Received 7 = Acknowledged 7')

  await startCollector(t, { kafka, env })
  await waitFor(() => terminal.page.includes('Received 0 = Acknowledged 0'), 'the figures of the next one')
  t.notMatch(terminal.page, 'does not answer')
  terminal.type('q')
  t.equal(await terminal.exit, 0)
})

test('it says that Kafka is away, and where the batches are', async (t) => {
  const env = { ...oneWorker, VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, env })
  await collector.post(batchOf(7))
  const { stdout } = await runCommand(['top', '--url', collector.url, ...quick])
  t.match(stdout, '● Degraded\nBatches are kept until Kafka takes them: No broker of ')
  t.match(stdout, 'Received 7 = Acknowledged 0 + Waiting 7 ✓ Balanced')
  t.match(stdout, 'Journal 7 wait')
})

test('it says which key it needs, and takes it from the environment or a file', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { ...oneWorker, VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: 's3cret' }
  const collector = await startCollector(t, { kafka, env })
  const once = ['top', '--once', '--url', collector.url, ...quick]
  t.match(await runCommand(once), { code: 1, stdout: '', stderr: /wants an API key .* --key-file/ })
  t.match(await runCommand(once, { env: { VANTAGE_API_KEY: 'guess' } }), {
    code: 1,
    stderr: /does not know this API key/,
  })
  t.match(await runCommand(once, { env: { VANTAGE_API_KEY: 's3cret' } }), { code: 0, stdout: /Operational/ })
  const file = join(t.testdir(), 'key')
  writeFileSync(file, 's3cret\n')
  t.match(await runCommand([...once, '--key-file', file]), { code: 0, stdout: /Operational/ })
})

test('what is no collector is told apart, and mistakes are told', async (t) => {
  const { url } = await startStub(t, (response, n) =>
    n === 0 ? response.end('{"uptime_seconds": 1}') : response.writeHead(503).end('{"detail": "not now"}'),
  )
  const once = ['top', '--once', '--url', url, ...quick]
  t.match(await runCommand(once), { code: 1, stderr: /is no collector of this version/ })
  t.match(await runCommand(once), { code: 1, stderr: /answers 503: not now/ })
  t.match(await runCommand(['top', '--url', 'here']), { code: 2, stderr: /--url here is no http or https URL/ })
  t.match(await runCommand(['top', '--interval-ms', '1']), { code: 2, stderr: /an integer from 100/ })
})
