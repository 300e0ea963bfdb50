import { closeSync, openSync } from 'node:fs'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { Collector, type CollectorOptions, type LogLine } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { Pipe } from '../../support/pipe.js'

const requestsAtATime = 50

/** Starts a collector whose log the test does not see, and waits until it serves. */
async function startUnheard(t: Test, options: CollectorOptions): Promise<Collector> {
  const port = await freePort()
  const env = { VANTAGE_API_PORT: String(port), VANTAGE_API_WORKERS: '1', VANTAGE_DEBUG: 'true', ...options.env }
  const collector = new Collector({ kafka: await startMockKafka(t), ...options, env })
  t.teardown(() => collector.kill())
  collector.url = `http://127.0.0.1:${port}`
  await waitFor(
    () =>
      collector.get('/ready').then(
        ({ status }) => status === 200,
        () => false,
      ),
    'ready',
  )
  return collector
}

/** Has a line logged by each of many requests. */
async function makeLog(collector: Collector): Promise<void> {
  await Promise.all(Array.from({ length: requestsAtATime }, () => collector.get('/live')))
}

function makeLogUntilDropped(collector: Collector): Promise<true> {
  return waitFor(async () => {
    await makeLog(collector)
    return (await dropped(collector)) > 0
  }, 'lines to be dropped')
}

function dropped(collector: Collector): Promise<number> {
  return collector.metric('log_lines_dropped_total')
}

test('while nobody reads the log, it serves, drops lines and counts them, and ends when it is told to', async (t) => {
  const [pipe, errors] = [await Pipe.create(t), await Pipe.create(t)]
  for (const full of [pipe, errors]) full.fill()
  // The warning of a setting goes to standard error.
  const collector = await startUnheard(t, { output: pipe.end, errorOutput: errors.end, env: { VANTAGE_TYPO: 'x' } })
  await makeLogUntilDropped(collector)
  t.equal((await collector.post(batchOf(1))).status, 202)

  let text = ''
  const told = () => lines(text).filter(({ msg }) => msg.startsWith('lines of this log were dropped'))
  await waitFor(async () => {
    text += pipe.read()
    return text.endsWith('\n') && told().length > 0
  }, 'the line about it')
  t.equal(
    told().reduce((sum, { lines }) => sum + Number(lines), 0),
    await dropped(collector),
  )
  t.ok(text.length > 2 ** 20, 'as many as are kept for a late reader came, and none was cut')

  pipe.fill()
  t.same(await endOf(collector), { code: 0, signal: null })
})

test('it serves and ends as it should where its log can go nowhere', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const deaf = await startUnheard(t, {})
  deaf.process.stdout?.destroy()
  for (const collector of [deaf, await startUnheard(t, { output: full, errorOutput: full })]) {
    await makeLog(collector)
    t.equal((await collector.post(batchOf(1))).status, 202)
    t.same(await endOf(collector), { code: 0, signal: null })
  }
})

test('a socket that nobody reads is as a pipe', async (t) => {
  const collector = await startUnheard(t, {})
  collector.process.stdout?.pause()
  await makeLogUntilDropped(collector)
  t.same(await endOf(collector), { code: 0, signal: null })
})

/** How it ends on SIGTERM; by SIGKILL if it does not. */
async function endOf(collector: Collector): Promise<{ code: number | null; signal: string | null }> {
  await collector.end()
  return collector.exit
}

/** The lines of the log, without those that filled the pipe. */
function lines(text: string): LogLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('x'))
    .map((line) => JSON.parse(line))
}
