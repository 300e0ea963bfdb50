import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { retryAfterMs } from '../../../lib/commands/send/agent.js'
import { readSendOptions } from '../../../lib/commands/send/options.js'
import { readEntries } from '../../../lib/commands/send/read-entries.js'
import { parseConfig } from '../../../lib/config/config.js'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'
import { command, runCommand, startCommand } from '../../support/run-command.js'
import { startStub } from '../../support/stub-server.js'

/** A collector on the in-memory Kafka, and how to send to it. */
async function startBoth(t: Test, env: Record<string, string> = {}) {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { VANTAGE_API_WORKERS: '1', ...env } })
  const send = (args: string[], input = '') => runCommand(['send', '--url', collector.url, ...args], { input })
  return { kafka, collector, send }
}

function ndjson(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}

function accept(response: ServerResponse, metrics = 1): void {
  const answer = { durability: 'kafka', metrics_accepted: metrics, metrics_rejected: 0, errors: [] }
  response.writeHead(202, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer))
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end(JSON.stringify({ detail: 'not now' }))
}

test('NDJSON goes into Kafka as it is written, a batch a service', async (t) => {
  const { kafka, send } = await startBoth(t)
  const lines = [1, 2, 3].map((id) =>
    JSON.stringify(metricOf(id, `service-${id % 2}`)).replace('{', '{"big":12345678901234567890, '),
  )
  const { code, stdout } = await send(['-'], `${lines[0]}\n\n${lines[1]}\r\n${lines[2]}`)
  t.equal(code, 0)
  t.match(stdout, /^3 accepted \(kafka 3\), 0 rejected, 0 not delivered; 2 batches, 0 retries/)
  const records = await readTopic(kafka, 3)
  for (const line of lines) {
    const record = records.find(({ value }) => value.startsWith(line.slice(0, -1)))
    t.equal(record?.key, JSON.parse(line).service_name)
  }
})

test('a batch and an array are read over several lines, and split where they are too large', async (t) => {
  const { kafka, send } = await startBoth(t)
  const cwd = t.testdir({
    'batch.json': JSON.stringify({ ...batchOf(5), environment: 'staging' }, null, 2),
    'array.json': JSON.stringify([metricOf(5), metricOf(6)], null, 2),
  })
  t.match(await send(['--batch-size', '2', join(cwd, 'batch.json')]), { code: 0, stdout: /^5 accepted.* 3 batches/ })
  t.match(await send(['--service', 'renamed', join(cwd, 'array.json')]), { code: 0, stdout: /^2 accepted.* 1 batch,/ })
  const values = (await readTopic(kafka, 7)).map(({ key, value }) => ({ key, ...JSON.parse(value) }))
  values.sort((a, b) => a.id - b.id)
  t.match(
    values.slice(0, 5).map(({ id, environment }) => ({ id, environment })),
    [0, 1, 2, 3, 4].map((id) => ({ id, environment: 'staging' })),
  )
  t.match(values.slice(5), [
    { key: 'renamed', id: 5 },
    { key: 'renamed', id: 6 },
  ])
})

test('a pipe that stays open is delivered while it runs, and what was read is delivered when it is ended', async (t) => {
  const { kafka, collector } = await startBoth(t)
  const sending = startCommand(['send', '--url', collector.url, '--linger-ms', '50', '-'])
  sending.process.stdin?.write(ndjson([metricOf(1)]))
  await readTopic(kafka, 1)
  const slow = startCommand(['send', '--url', collector.url, '--linger-ms', '3600000', '-'])
  slow.process.stdin?.write(ndjson([metricOf(2), metricOf(3)]))
  // Node reads its standard input as soon as it has started; nothing tells of it.
  await waitFor(() => slow.process.stdin?.writableLength === 0, 'the input to be read')
  slow.process.stdin?.end()
  t.match(await slow.result, { code: 0, stdout: /^2 accepted/ })
  sending.process.kill('SIGTERM')
  t.match(await sending.result, { code: 0, stdout: /^1 accepted/ })
})

test('bad metrics are named by their line, and the good ones delivered', async (t) => {
  const { send } = await startBoth(t)
  const { service_name: _, ...nameless } = metricOf(4)
  const input = `${ndjson([metricOf(1), { ...metricOf(2), value: 'high' }])}not JSON\n${ndjson([nameless, batchOf(1), 5])}`
  const { code, stdout, stderr } = await send(['--json', '-'], input)
  t.equal(code, 3)
  t.match(JSON.parse(stdout), { accepted: 2, rejected: 4, undelivered: 0, durability: { kafka: 2 }, retries: 0 })
  t.same(stderr.trim().split('\n').sort(), [
    'line 2: value must be number',
    'line 3: is not a JSON object or array',
    'line 4: has no service_name',
    'line 6: is not a JSON object or array',
  ])
  t.match(await send(['-'], '{"metrics": [\n'), { code: 1, stderr: /neither JSON nor a JSON value a line/ })
})

test('a batch is sent again on 429, 5xx and a broken connection, and not before Retry-After', async (t) => {
  const { url, received } = await startStub(t, (response, n) => {
    if (n === 0) refuse(response, 503, { 'Retry-After': '1' })
    else if (n === 1) response.destroy()
    else if (n === 2) refuse(response, 429)
    else accept(response)
  })
  const { code, stdout, stderr } = await runCommand(['send', '--url', `${url}/proxied/`, '-'], {
    input: ndjson([metricOf(1)]),
  })
  t.match({ code, stdout }, { code: 0, stdout: /^1 accepted .* 1 batch, 3 retries/ })
  t.match(stderr, /^503 not now; trying again in [1-9].* s$/m)
  t.equal(received.length, 4)
  t.equal(new Set(received.map(({ body }) => body.toString())).size, 1)
  t.match(received[0], { path: '/proxied/v1/metrics' })
  t.ok((received[1]?.at ?? 0) - (received[0]?.at ?? 0) > 990, 'waits for as long as it is told')
})

test('a batch that is refused for good is not sent again, and the next ones are', async (t) => {
  const { url, received } = await startStub(t, (response, n) => (n === 0 ? refuse(response, 413) : accept(response)))
  const result = await runCommand(['send', '--url', url, '--batch-size', '1', '-'], {
    input: ndjson([metricOf(1), metricOf(2)]),
  })
  t.match(result, { code: 3, stdout: /^1 accepted .*, 1 rejected/, stderr: 'line 1: 413 not now\n' })
  t.equal(received.length, 2)
})

test('what cannot be delivered is kept, in order, and can be sent later', async (t) => {
  const { url, received } = await startStub(t, (response) => refuse(response, 503))
  const kept = join(t.testdir(), 'kept.ndjson')
  const options = ['--batch-size', '2', '--max-wait-seconds', '0']
  const input = JSON.stringify({ ...batchOf(5), environment: 'staging' }, null, 2)
  const failed = await runCommand(['send', '--url', url, ...options, '--undelivered', kept, '-'], { input })
  t.match(failed, { code: 1, stdout: /^0 accepted, 0 rejected, 5 not delivered; 3 batches/, stderr: /kept in .*: 503/ })
  t.equal(received.length, 3, 'one try each')
  t.equal(readFileSync(kept, 'utf8').trim().split('\n').length, 3)

  const { kafka, send } = await startBoth(t)
  t.match(await send([kept]), { code: 0, stdout: /^5 accepted/ })
  const records = (await readTopic(kafka, 5)).map(({ value }) => JSON.parse(value))
  t.same(
    records.map(({ id }) => id),
    [0, 1, 2, 3, 4],
  )
  t.match(records[0], { environment: 'staging' })

  const given = await runCommand(['send', '--url', url, ...options, '-'], { input })
  t.match(given, { code: 1, stdout: /[1-5] not delivered/, stderr: /does not take metrics: 503 not now; the rest/ })
  t.equal(received.length, 4, 'without a place to keep them, the first one ends it')
})

test('the key is read from a file, requests are compressed, and a wrong key ends the run at once', async (t) => {
  const { collector } = await startBoth(t, { VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: 'open-sesame' })
  const key = join(t.testdir({ key: 'open-sesame\n' }), 'key')
  const input = ndjson([metricOf(1)])
  t.match(await runCommand(['send', '--url', collector.url, '--gzip', '--key-file', key, '-'], { input }), { code: 0 })
  t.match(await runCommand(['send', '--url', collector.url, '-'], { input }), { code: 1, stderr: /401 Send X-API-Key/ })
  const { url, received } = await startStub(t, (response) => accept(response))
  t.match(await runCommand(['send', '--url', url, '--gzip', '-'], { input }), { code: 0 })
  t.match(received[0]?.headers, { 'content-encoding': 'gzip' })
  t.match(JSON.parse(gunzipSync(received[0]?.body ?? '').toString()), { metrics: [{ id: 1 }] })
})

test('a person at a terminal sees a bar', async (t) => {
  const { collector } = await startBoth(t)
  const file = join(t.testdir({ 'm.ndjson': ndjson(batchOf(20_000).metrics) }), 'm.ndjson')
  const line = `${process.execPath} ${command} send --url ${collector.url} --batch-size 100 ${file}`
  const terminal = spawn('script', ['-qec', line, '/dev/null'])
  let screen = ''
  terminal.stdout.on('data', (chunk) => {
    screen += chunk
  })
  await waitFor(() => terminal.exitCode !== null, 'the command to end')
  t.equal(terminal.exitCode, 0)
  t.match(screen, /\[=* *\] \d+ % [\d,]+ accepted, [\d,]+ metrics\/s/)
  t.match(screen, /20,000 accepted \(kafka 20,000\)/)
})

test('arguments that make no sense are named', async (t) => {
  const read = (...args: string[]) => readSendOptions(args, () => parseConfig({}).config)
  await t.rejects(read(), { name: 'UsageError', message: /takes one FILE/ })
  for (const url of ['http://h', 'http://h/', 'http://h/v1/metrics', 'http://h/v1/metrics/']) {
    t.equal((await read('--url', url, '-')).url.href, 'http://h/v1/metrics', url)
  }
  t.equal((await read('--url', 'http://h/proxied', '-')).url.href, 'http://h/proxied/v1/metrics')
  await t.rejects(read('--url', 'ftp://x', '-'), { name: 'UsageError', message: /no http or https URL/ })
  await t.rejects(read('--batch-size', '0', '-'), { name: 'UsageError', message: /from 1 to 100000/ })
  t.match(await runCommand(['send', 'no-such-file']), { code: 1, stderr: /no such file/ })
})

test('a line that never ends is not held', async (t) => {
  const options = { envelope: {}, maxBytes: 10 }
  await t.rejects(readEntries(streamOf('0123456789', 'A'), options).next(), /A line is longer/)
  await t.rejects(readEntries(streamOf('{\n"a":\n12345\n'), options).next(), /too large for a single document/)
})

async function* streamOf(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

test('Retry-After is seconds or a date', async (t) => {
  t.equal(retryAfterMs('3'), 3000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 1000), 4000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 9000), 0)
  t.equal(retryAfterMs('soon'), 0)
  t.equal(retryAfterMs(null), 0)
})
