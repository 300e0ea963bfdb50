import { test } from 'tap'
import { problems } from '../../lib/shared/errors.js'
import { version } from '../../lib/shared/version.js'
import { batchOf } from '../support/batches.js'
import { startCollector } from '../support/collector.js'
import { startMockKafka } from '../support/mock-kafka.js'

test('every route answers as documented', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { VANTAGE_DEBUG: 'true' } })

  await t.test('GET / says what this is; a browser gets a page', async (t) => {
    const { status, body } = await collector.get('/')
    t.equal(status, 200)
    t.match(body, { service: 'vantage-collector', version, environment: 'development', status: 'operational' })
    t.match(body.endpoints, { metrics: '/v1/metrics', stats: '/v1/stats' })
    const page = await collector.get('/', { Accept: 'text/html,*/*' })
    t.match(page.text, /<!doctype html>.*status\.js/s)
  })

  await t.test('health, readiness and liveness are 200 while Kafka answers', async (t) => {
    const health = await collector.get('/health')
    t.equal(health.status, 200)
    t.match(health.body, {
      status: 'healthy',
      version,
      checks: { kafka: { status: 'healthy' }, api: { status: 'healthy' } },
    })
    t.ok(Math.abs(Date.parse(String(health.body.timestamp)) - Date.now()) < 60_000)
    t.same((await collector.get('/ready')).body, { status: 'ready' })
    t.same((await collector.get('/live')).body, { status: 'live' })
  })

  await t.test('/v1/stats and /metrics tell the same', async (t) => {
    await collector.post(batchOf(5))
    await collector.post({ ...batchOf(1), metrics: [{}] })
    const stats = await collector.stats()
    t.match(stats.ingestion, {
      batches_received: 2,
      metrics_received: 6,
      metrics_accepted: 5,
      metrics_rejected: 1,
      acceptance_rate: 5 / 6,
    })
    t.match(stats.kafka, { connected: true, messages_sent: 5, messages_failed: 0, success_rate: 1 })
    t.equal(stats.workers.length, 2)
    t.equal(await collector.metric('metrics_received_total'), 6)
    t.equal(await collector.metric('metrics_accepted_total'), 5)
    t.equal(await collector.metric('metrics_rejected_total'), 1)
    t.equal(await collector.metric('records_delivered_total'), 5)
    t.equal(await collector.metric('delivered_bytes_total'), stats.kafka.bytes_sent)
    t.equal(await collector.metric('batch_metrics_count'), 2)
  })

  await t.test('/metrics is Prometheus text, or OpenMetrics for those who ask', async (t) => {
    const plain = await collector.get('/metrics')
    t.match(plain.headers.get('content-type'), 'text/plain')
    t.match(
      plain.text,
      /# HELP vantage_collector_metrics_received_total .+\n# TYPE vantage_collector_metrics_received_total counter/,
    )
    const open = await collector.get('/metrics', { Accept: 'application/openmetrics-text; version=1.0.0' })
    t.match(open.headers.get('content-type'), 'application/openmetrics-text')
    t.match(open.text, /# EOF\n$/)
  })

  await t.test('HEAD works where GET does', async (t) => {
    for (const path of ['/', '/health', '/v1/stats', '/docs']) {
      const { status, headers, text } = await collector.request('HEAD', path)
      t.equal(status, 200, path)
      t.equal(text, '')
      t.ok(Number(headers.get('content-length')) > 0)
    }
    t.equal((await collector.request('HEAD', '/v1/metrics')).status, 405)
  })

  await t.test('another path is 404, another method 405 with Allow', async (t) => {
    const missing = await collector.get('/v2/metrics')
    t.equal(missing.status, 404)
    t.equal(missing.body.code, 'VANTAGE_NOT_FOUND')
    const get = await collector.get('/v1/metrics')
    t.equal(get.status, 405)
    t.equal(get.headers.get('allow'), 'POST, OPTIONS')
    const post = await collector.request('POST', '/health', {}, '{}')
    t.equal(post.headers.get('allow'), 'GET, HEAD, OPTIONS')
  })

  await t.test('browsers of any origin are answered', async (t) => {
    const preflight = await collector.request('OPTIONS', '/v1/metrics', { Origin: 'https://a.example' })
    t.equal(preflight.status, 204)
    t.equal(preflight.headers.get('access-control-allow-origin'), '*')
    t.equal(preflight.headers.get('access-control-allow-methods'), 'POST, OPTIONS')
    t.match(preflight.headers.get('access-control-allow-headers'), /Content-Type/)
  })

  await t.test('/openapi.json describes every route and every problem, /docs and /redoc show it', async (t) => {
    const { body, text } = await collector.get('/openapi.json')
    t.equal(body.openapi, '3.1.0')
    const posted = Object.keys(body.paths as object)
    t.same(posted, ['/v1/metrics', '/v1/stats', '/v1/config', '/metrics', '/health', '/ready', '/live'])
    for (const code of Object.keys(problems)) t.ok(text.includes(code), code)
    for (const path of ['/docs', '/redoc']) t.match((await collector.get(path)).text, '/assets/pages/')
  })

  await t.test('requests are logged at debug level, without bodies', async (t) => {
    const requests = collector.logs.filter(({ msg }) => msg === 'request')
    t.match(requests[0], { level: 'debug', method: 'GET', route: '/ready', status: Number })
    t.notOk(JSON.stringify(collector.logs).includes('http.request.duration'))
  })
})

test('CORS can be limited to origins, or switched off', async (t) => {
  const kafka = await startMockKafka(t)
  const some = await startCollector(t, { kafka, env: { VANTAGE_CORS_ORIGINS: 'https://a.example, https://b.example' } })
  const allowed = await some.get('/live', { Origin: 'https://b.example' })
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://b.example')
  t.equal(allowed.headers.get('vary'), 'Origin')
  const other = await some.get('/live', { Origin: 'https://c.example' })
  t.equal(other.headers.get('access-control-allow-origin'), null)
  const off = await startCollector(t, { kafka, env: { VANTAGE_CORS_ENABLED: 'false' } })
  const reply = await off.request('OPTIONS', '/v1/metrics', { Origin: 'https://a.example' })
  t.equal(reply.headers.get('access-control-allow-methods'), null)
})
