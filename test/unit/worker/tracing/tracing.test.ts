import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { batchOf } from '../../../../tools/batches.js'
import { startCollector } from '../../../../tools/collector.js'
import { freePort } from '../../../../tools/free-port.js'
import { waitFor } from '../../../../tools/wait-for.js'
import { startMockKafka } from '../../../support/mock-kafka.js'
import { readTopic } from '../../../support/read-topic.js'
import { startStub } from '../../../support/stub-server.js'

type Value = { stringValue?: string; intValue?: number }
type Attributes = { key: string; value: Value }[]
type Span = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code: number }
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attributes
}
type Export = { resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: Span[] }[] }[] }

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const sampled = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
const notSampled = { traceparent: `00-${traceId}-00f067aa0ba902b7-00` }
const stages = ['read', 'inflate', 'decode', 'deliver']
const errorStatus = 2

/** A receiver of spans, as a tracing system has one. */
async function startReceiver(t: Test, respond = (response: ServerResponse) => void response.end('{}')) {
  const { url, received } = await startStub(t, respond)
  const exports = (): Export[] => received.map(({ body }) => JSON.parse(body.toString()))
  const spans = () => exports().flatMap(({ resourceSpans }) => resourceSpans.flatMap(spansOf))
  return { url, received, exports, spans }
}

function spansOf({ scopeSpans }: Export['resourceSpans'][number]): Span[] {
  return scopeSpans.flatMap(({ spans }) => spans)
}

function attribute({ attributes }: { attributes: Attributes }, name: string): string | number | undefined {
  const { stringValue, intValue } = attributes.find(({ key }) => key === name)?.value ?? {}
  return stringValue ?? intValue
}

/** A collector that sends its spans soon. */
async function startTraced(t: Test, url: string, env: Record<string, string> = {}) {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, {
    kafka,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '50', VANTAGE_API_WORKERS: '1', ...env },
  })
  return { kafka, collector }
}

test("a batch is a part of its agent's trace, with a span for each stage", async (t) => {
  const receiver = await startReceiver(t)
  const { kafka, collector } = await startTraced(t, receiver.url, { VANTAGE_DEBUG: 'true' })
  t.equal((await collector.post(batchOf(3), sampled)).status, 202)
  await waitFor(() => receiver.spans().length === 1 + stages.length, 'the spans')
  const spans = receiver.spans()
  t.ok(spans.every((span) => span.traceId === traceId))
  const request = spans.find(({ name }) => name === 'POST /v1/metrics')
  t.match(request, { parentSpanId: '00f067aa0ba902b7', kind: 2 })
  t.equal(request && attribute(request, 'http.response.status_code'), 202)
  const parts = spans.filter((span) => span !== request)
  parts.sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
  t.same(
    parts.map(({ name }) => name),
    stages,
  )
  t.ok(parts.every(({ parentSpanId }) => parentSpanId === request?.spanId))
  const deliver = parts.find(({ name }) => name === 'deliver')
  t.equal(deliver && attribute(deliver, 'vantage.durability'), 'kafka')
  const decode = parts.find(({ name }) => name === 'decode')
  t.equal(decode && attribute(decode, 'vantage.metrics_accepted'), 3)
  const [first] = receiver.exports()
  t.equal(receiver.received[0]?.path, '/v1/traces')
  t.equal(first?.resourceSpans[0] && attribute(first.resourceSpans[0].resource, 'service.name'), 'vantage-collector')
  t.match(
    (await readTopic(kafka, 3)).map(({ value }) => JSON.parse(value)),
    Array(3).fill({ trace_id: traceId, span_id: '00f067aa0ba902b7' }),
  )
  await waitFor(() => collector.logs.some(({ msg, trace_id }) => msg === 'request' && trace_id === traceId), 'the log')
})

test('a batch that is refused has failed at the stage that it had come to', async (t) => {
  const receiver = await startReceiver(t)
  const { collector } = await startTraced(t, receiver.url)
  t.equal((await collector.post('{"metrics":', sampled)).status, 400)
  await waitFor(() => receiver.spans().length === 4, 'the spans')
  const failed = receiver.spans().filter(({ status }) => status.code === errorStatus)
  t.same(
    failed.map(({ name }) => name),
    ['decode'],
  )
})

test('the sampler decides what is traced, and the agent before it', async (t) => {
  const receiver = await startReceiver(t)
  const env = { OTEL_TRACES_SAMPLER_ARG: '0' }
  const { collector } = await startTraced(t, receiver.url, env)
  await collector.post(batchOf(1))
  await collector.post(batchOf(1), notSampled)
  await collector.post(batchOf(1), sampled)
  await waitFor(() => receiver.spans().length > stages.length, 'the spans of the last one')
  await collector.stop()
  t.equal(receiver.spans().length, 1 + stages.length)

  const all = await startTraced(t, receiver.url, { OTEL_TRACES_SAMPLER: 'always_on' })
  await all.collector.post(batchOf(1))
  await waitFor(() => receiver.spans().length === 2 * (1 + stages.length), 'a trace of its own')
})

test('what was not sent yet is sent before the collector ends', async (t) => {
  const receiver = await startReceiver(t)
  const { collector } = await startTraced(t, receiver.url, { OTEL_BSP_SCHEDULE_DELAY: '60000' })
  await collector.post(batchOf(1), sampled)
  t.same(receiver.spans(), [])
  await collector.stop()
  t.equal(receiver.spans().length, 1 + stages.length)
})

test('batches are taken while spans are not, and the log says so once', async (t) => {
  const nowhere = `http://127.0.0.1:${await freePort()}`
  const { collector } = await startTraced(t, nowhere, { OTEL_EXPORTER_OTLP_TIMEOUT: '200' })
  const complaints = () => collector.logs.filter(({ msg }) => msg === 'spans cannot be sent and are dropped').length
  const statuses = new Set<number>()
  const post = async () => statuses.add((await collector.post(batchOf(1), sampled)).status)
  await waitFor(async () => {
    await post()
    return complaints() > 0
  }, 'the complaint')
  for (let n = 0; n < 20; n++) await post()
  t.same([...statuses], [202])
  t.same(await collector.stop(), { code: 0, signal: null })
  t.equal(complaints(), 1)
})

test('a receiver that never answers does not keep the collector from ending', async (t) => {
  const receiver = await startReceiver(t, () => undefined)
  const env = { VANTAGE_SHUTDOWN_TIMEOUT_MS: '4000', OTEL_EXPORTER_OTLP_TIMEOUT: '240000' }
  const { collector } = await startTraced(t, receiver.url, env)
  await collector.post(batchOf(1), sampled)
  await waitFor(() => receiver.received.length === 1, 'the spans to be sent')
  const started = performance.now()
  t.same(await collector.stop(), { code: 0, signal: null })
  t.ok(performance.now() - started < 120_000, 'it waits for VANTAGE_SHUTDOWN_TIMEOUT_MS, not for the receiver')
})
