import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'

test('after known traffic and the death of a worker, /v1/stats and /metrics are what the client counted', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const services = Array.from({ length: 40 }, (_, n) => `service-${n}`)
  for (const [n, service] of services.entries()) await collector.post(batchOf(n + 1, { service }))
  const good = metricOf(0)
  await collector.post({ ...batchOf(1), metrics: [good, {}, { ...good, value: 'x' }, { ...good, value: null }] })
  await collector.post('{"metrics":')
  await collector.post({ ...batchOf(3), service_name: '' })
  const received = (40 * 41) / 2 + 4 + 3
  const accepted = received - 3 - 3
  await waitFor(async () => (await collector.stats()).kafka.brokers.length === 1, 'the first statistics of librdkafka')

  const pids = await collector.workerPids()
  for (const pid of pids) {
    process.kill(pid, 'SIGKILL')
    await waitFor(async () => {
      const now = await collector.workerPids().catch((): number[] => [])
      return now.length === 2 && !now.includes(pid)
    }, 'a new worker')
  }

  const { ingestion, ledger, recent_problems, ...stats } = await collector.stats()
  t.match(ingestion, { batches_received: 43, metrics_received: received, metrics_accepted: accepted })
  const rejections = { 'timestamp.required': 1, 'value.type': 2, 'batch.service_name.minLength': 3 }
  t.same(ingestion.rejections, rejections)
  t.equal(ledger.difference, 0)
  t.equal(stats.services.length, 42, '40, api-gateway and other')
  t.equal(
    stats.services.reduce((sum, { metrics_received }) => sum + metrics_received, 0),
    received,
    'the services and other add up',
  )
  t.match(recent_problems, [
    { status: 422, code: 'VANTAGE_INVALID_BATCH', rejections: { 'batch.service_name.minLength': 3 } },
    { status: 400, code: 'VANTAGE_INVALID_JSON', rejections: {} },
    { status: 202, code: null, rejections: { 'timestamp.required': 1, 'value.type': 2 } },
  ])

  t.equal(await collector.metric('batches_received_total'), 43)
  t.equal(await collector.metric('metrics_received_total'), received)
  t.equal(await collector.metric('metrics_accepted_total'), accepted)
  t.equal(await collector.metric('metrics_rejected_total'), 6)
  t.equal(await collector.metric('metrics_rejected_total{reason="value.type"}'), 2)
  t.equal(await collector.metric('problems_total{code="VANTAGE_INVALID_JSON"}'), 1)
  t.equal(await collector.metric('service_metrics_received_total'), received)
  t.equal(await collector.metric('http_requests_total{route="/v1/metrics",status="202"}'), 41)
  t.equal(await collector.metric('http_request_duration_seconds_count{route="/v1/metrics"}'), 43)
  t.equal(await collector.metric('batch_metrics_sum'), received)
  t.equal(await collector.metric('request_body_bytes_count'), 43)
  t.equal(await collector.metric('acknowledge_duration_seconds_count'), 41)
  t.equal(await collector.metric('worker_restarts_total'), 2)
  t.equal(await collector.metric('workers'), 2)
  t.equal(await collector.metric('ready'), 1)
})

test('what the collector shows of its configuration and its problems holds no secret and no payload', async (t) => {
  const kafka = await startMockKafka(t)
  const env = {
    VANTAGE_API_KEY: 's3cret-key',
    VANTAGE_AUTH_ENABLED: 'true',
    VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD: 's3cret-password',
    VANTAGE_KAFKA_PROPERTY_CLIENT_RACK: 'rack-1',
  }
  const collector = await startCollector(t, { kafka, env })
  const headers = { 'X-API-Key': 's3cret-key' }
  await collector.post('{"payload": nothing-to-see', headers)
  await collector.post({ ...batchOf(1), metrics: [{ ...metricOf(1), tags: { 'a-payload-tag': 1 } }] }, headers)
  t.equal((await collector.get('/v1/config')).status, 401)
  const config = await collector.get('/v1/config', headers)
  t.match(config.body, {
    VANTAGE_API_KEY: '(set)',
    VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD: '(set)',
    VANTAGE_KAFKA_PROPERTY_CLIENT_RACK: 'rack-1',
    VANTAGE_MAX_BATCH_SIZE: 1000,
  })
  const shown = config.text + (await collector.get('/v1/stats', headers)).text
  for (const secret of ['s3cret', 'payload-tag', 'nothing-to-see']) t.notMatch(shown, secret)
})
