import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { audit } from '../../../bench/topic.js'
import { acknowledgedMetrics } from '../../../lib/load/ledger.js'
import { runLoad } from '../../../lib/load/load.js'
import { defaultLoad } from '../../../lib/load/options.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'

/** A server that answers 202 at once, but nothing from `from` to `until`, counted from its first request. */
async function startServer(t: Test, { from, until }: { from: number; until: number }): Promise<string> {
  let startedAt: number | undefined
  const server = createServer((request, response) => {
    request.resume()
    startedAt ??= performance.now()
    const elapsed = performance.now() - startedAt
    const stalls = elapsed >= from && elapsed < until
    setTimeout(() => response.writeHead(202).end('{}'), stalls ? until - elapsed : 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`
}

async function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['dist/bin/vantage-bench.js', ...args])
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

test('a stall counts for every request that was due meanwhile, not only for those that were sent', async (t) => {
  const url = await startServer(t, { from: 1000, until: 2000 })
  const load = {
    ...defaultLoad,
    maxLagMs: 10_000,
    url,
    metricsPerSecond: 1000,
    batchSize: 10,
    connections: 4,
    seconds: 4,
    warmUpSeconds: 0,
  }
  const { result } = await runLoad(load)
  t.equal(result.requests, 400)
  t.same(result.outcomes, { 202: 400 })
  // With 4 connections only 4 requests are sent while it stalls, 1 % of all; but a quarter of all fell due.
  const p90 = result.latencyMs?.p90 ?? 0
  t.ok(p90 > 400, `p90 is ${p90} ms`)
})

test('thresholds decide the exit code', async (t) => {
  const url = await startServer(t, { from: 0, until: 0 })
  const load = [
    '--max-lag-ms',
    '10k',
    '--url',
    url,
    '--duration',
    '4',
    '--warm-up',
    '0',
    '--processes',
    '1',
    '--connections',
    '2',
    '--rate',
    '250',
  ]
  const good = await bench(...load, '--max-p99-ms', '100k', '--min-rate', '1')
  t.equal(good.code, 0, good.stderr)
  t.match(good.stdout, /accepted +[\d.]+ metrics\/s\nanswers +10 x 202\n/)
  const slow = await bench(...load, '--min-rate', '2k', '--max-p99-ms', '0.0001')
  t.equal(slow.code, 1)
  t.match(slow.stderr, /p99 is .* ms, above 0.0001\n.*[\d.]+ metrics\/s, fewer than 2.00 k/)
  const nobody = await bench('--url', 'http://127.0.0.1:1', '--processes', '1', '--duration', '1', '--warm-up', '0')
  t.equal(nobody.code, 1)
  t.match(
    nobody.stderr,
    /^vantage-bench: nothing answers at http:\/\/127\.0\.0\.1:1\/v1\/metrics: connect ECONNREFUSED/,
  )
  t.equal(nobody.stdout, '', 'no percentiles of what never was')
  for (const wrong of [
    ['--rate', 'x'],
    ['--url', 'here'],
    ['--header', 'x'],
    ['--bad', '2'],
    ['--batch', '1.5'],
    ['--format', 'otlp'],
    ['--what'],
  ]) {
    t.equal((await bench(...wrong)).code, 2, wrong.join(' '))
  }
})

test('every metric can be found again in the topic', async (t) => {
  const kafka = await startMockKafka(t)
  const ways = [
    { format: 'metric', dialect: 'vantage', status: 202 },
    { format: 'ndjson', dialect: 'vantage', status: 202 },
    { format: 'metric', dialect: 'otlp-protobuf', status: 200 },
    { format: 'ndjson', dialect: 'otlp-json', status: 200 },
  ] as const
  for (const { format, dialect, status } of ways) {
    const topic = `audit-${format}-${dialect}`
    const env = { VANTAGE_KAFKA_TOPIC: topic, VANTAGE_KAFKA_RECORD_FORMAT: format }
    const collector = await startCollector(t, { kafka, env })
    const url = `${collector.url}/v1/metrics`
    const load = {
      ...defaultLoad,
      url,
      dialect,
      metricsPerSecond: 5000,
      batchSize: 20,
      badShare: 0.1,
      seconds: 1,
      warmUpSeconds: 1,
    }
    const { result, ledgers } = await runLoad(load)
    const found = await audit(kafka, topic, ledgers)
    const expected = acknowledgedMetrics(ledgers)
    t.same(found, { expected, found: expected, missing: 0, twice: 0, unexpected: 0 })
    t.ok(expected > 8000 && expected < 9500, `${expected} of 10,000 are valid`)
    t.match(result.outcomes, { [status]: 250 })
    const [ledger] = ledgers
    if (ledger === undefined) throw new Error('no ledger')
    const forged = [{ ...ledger, sent: ledger.sent + 1 }, ...ledgers.slice(1)]
    t.ok((await audit(kafka, topic, forged)).missing > 0, 'a batch that is not there is missed')
  }
})
