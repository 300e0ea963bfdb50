import { test } from 'tap'
import { problems } from '../../../lib/shared/errors.js'
import { version } from '../../../lib/shared/version.js'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { sendRaw } from '../../support/raw-client.js'

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
      librdkafka: { version: /^\d+\.\d+\.\d+$/ },
      checks: { kafka: { status: 'healthy' }, api: { status: 'healthy' } },
    })
    t.ok(Math.abs(Date.parse(String(health.body.timestamp)) - Date.now()) < 60_000)
    t.same((await collector.get('/ready')).body, { status: 'ready' })
    t.same((await collector.get('/live')).body, { status: 'alive' })
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
    t.match(stats.kafka, { connected: true, records_acknowledged: 5, records_failed: 0, success_rate: 1 })
    t.equal(stats.workers.length, 2)
    t.equal(await collector.metric('metrics_received_total'), 6)
    t.equal(await collector.metric('metrics_accepted_total'), 5)
    t.equal(await collector.metric('metrics_rejected_total'), 1)
    t.equal(await collector.metric('records_acknowledged_total'), 5)
    t.equal(await collector.metric('acknowledged_bytes_total'), stats.kafka.bytes_acknowledged)
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
    const answer = await collector.get('/live', { Origin: 'https://a.example' })
    t.equal(answer.headers.get('access-control-allow-origin'), '*')
    t.match(answer.headers.get('access-control-expose-headers'), /Retry-After, X-RateLimit-Limit/)
    t.equal(answer.headers.get('access-control-allow-credentials'), null)
  })

  await t.test('a page runs nothing but what came with it, and no other page can frame or leak it', async (t) => {
    for (const path of ['/', '/docs', '/redoc']) {
      const { headers } = await collector.get(path, { Accept: 'text/html' })
      const policy = headers.get('content-security-policy') ?? ''
      for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
        t.ok(policy.includes(part), `${path}: ${part}`)
      t.notMatch(policy.replace("style-src 'self' 'unsafe-inline'", ''), /unsafe|http|\*/, 'styles of /redoc apart')
      t.equal(headers.get('x-frame-options'), 'DENY')
      t.equal(headers.get('x-content-type-options'), 'nosniff')
      t.equal(headers.get('referrer-policy'), 'no-referrer')
      t.equal(headers.get('strict-transport-security'), null, 'only over TLS')
    }
    for (const path of ['/metrics', '/assets/pages/status.js'])
      t.equal((await collector.get(path)).headers.get('x-content-type-options'), 'nosniff', path)
  })

  await t.test('/openapi.json describes every route and every problem, /docs and /redoc show it', async (t) => {
    const { body, text } = await collector.get('/openapi.json')
    t.equal(body.openapi, '3.1.0')
    const posted = Object.keys(body.paths as object)
    t.same(posted, [
      '/v1/metrics',
      '/otlp/v1/metrics',
      '/v1/stats',
      '/v1/config',
      '/metrics',
      '/health',
      '/ready',
      '/live',
    ])
    for (const code of Object.keys(problems)) t.ok(text.includes(code), code)
    for (const path of ['/docs', '/redoc']) t.match((await collector.get(path)).text, '/assets/pages/')
  })

  await t.test('a file is sent as the client wants it, or not at all where it has it', async (t) => {
    const get = (headers: Record<string, string>) => collector.get('/assets/pages/status.js', headers)
    const etag = String((await get({})).headers.get('etag'))
    const known = [etag, `W/${etag}`, `"other", W/${etag}`, '*']
    for (const tag of known) {
      const { status, headers } = await get({ 'If-None-Match': tag })
      t.same([status, headers.get('content-length')], [304, null], tag)
    }
    for (const tag of ['"other"', `${etag.slice(0, -2)}"`, 'W/', etag.replaceAll('"', '')])
      t.equal((await get({ 'If-None-Match': tag })).status, 200, tag)
    const encodings = {
      gzip: 'gzip',
      'br, gzip;q=0.1': 'gzip',
      'gzip;q=0': null,
      'gzip;q=0.0, *': null,
      'x-gzip2': null,
    }
    for (const [accepted, encoding] of Object.entries(encodings))
      t.equal((await get({ 'Accept-Encoding': accepted })).headers.get('content-encoding'), encoding, accepted)
  })

  await t.test('Accept is read with its weights', async (t) => {
    const typeOf = async (path: string, accept: string) =>
      (await collector.get(path, { Accept: accept })).headers.get('content-type')?.split(';')[0]
    t.equal(await typeOf('/', 'text/html;q=0'), 'application/json')
    t.equal(await typeOf('/', 'application/json, text/html;q=0.5'), 'application/json')
    t.equal(await typeOf('/', 'TEXT/HTML, */*;q=0.1'), 'text/html')
    const open = 'application/openmetrics-text'
    t.equal(await typeOf('/metrics', `${open};q=0, text/plain`), 'text/plain')
    t.equal(await typeOf('/metrics', `text/plain;q=0.6, ${open};version=1.0.0;q=0.5`), 'text/plain')
    t.equal(await typeOf('/metrics', `${open};version=1.0.0;q=0.5, ${open};q=0.4, text/plain;q=0.3, */*;q=0.1`), open)
  })

  await t.test('an answer without a body has no Content-Length, and leaves the connection as it is', async (t) => {
    const options = 'OPTIONS /live HTTP/1.1\r\nHost: a\r\n'
    for (const bytes of [`${options}\r\n`, `${options}Connection: TE, close\r\n\r\n`]) {
      const { statuses, text } = await sendRaw(collector.url, [bytes], { quietMs: 1000 })
      t.same(statuses, [204])
      t.notMatch(text, /Content-Length/i)
    }
    const twice = await sendRaw(collector.url, [`${options}\r\n`.repeat(2)], { quietMs: 1000 })
    t.same(twice.statuses, [204, 204])
  })

  await t.test('an answer says for how long its connection is kept, or that it is closed', async (t) => {
    const kept = await sendRaw(collector.url, ['GET /live HTTP/1.1\r\nHost: a\r\n\r\n'], { quietMs: 1000 })
    t.match(kept, { closed: false, text: /\r\nKeep-Alive: timeout=7\r\n/ })
    for (const connection of ['close', 'Close', 'TE, close', 'close,TE', 'keep-alive, CLOSE']) {
      const request = `GET /live HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`
      const { closed, text } = await sendRaw(collector.url, [request], { quietMs: 5000 })
      t.ok(closed, connection)
      t.notMatch(text, 'Keep-Alive', connection)
    }
    const other = 'GET /live HTTP/1.1\r\nHost: a\r\nConnection: TE, closed\r\n\r\n'
    t.notOk((await sendRaw(collector.url, [other], { quietMs: 1000 })).closed)
  })

  await t.test('a slash behind a path changes nothing', async (t) => {
    for (const path of ['/live/', '/health/', '/v1/stats/', '/metrics/', '/docs/'])
      t.equal((await collector.get(path)).status, 200, path)
    t.equal((await collector.request('PUT', '/live/')).status, 405)
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
  t.equal(allowed.headers.get('access-control-allow-credentials'), null)
  for (const env of [{ VANTAGE_CORS_ENABLED: 'false' }, { VANTAGE_CORS_ORIGINS: '' }]) {
    const off = await startCollector(t, { kafka, env })
    const preflight = await off.request('OPTIONS', '/v1/metrics', { Origin: 'https://a.example' })
    t.equal(preflight.headers.get('access-control-allow-methods'), null)
    t.equal((await off.get('/live')).headers.get('access-control-allow-origin'), null)
  }
})

test('credentials are for the origins that are named, and a rate limit can be read there', async (t) => {
  const env = {
    VANTAGE_CORS_CREDENTIALS: 'true',
    VANTAGE_CORS_ORIGINS: 'https://a.example',
    VANTAGE_RATE_LIMIT_ENABLED: 'true',
    VANTAGE_RATE_LIMIT_REQUESTS: '1',
  }
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
  const named = { Origin: 'https://a.example' }
  for (const reply of [
    await collector.request('OPTIONS', '/v1/metrics', named),
    await collector.post(batchOf(1), named),
  ]) {
    t.equal(reply.headers.get('access-control-allow-origin'), 'https://a.example')
    t.equal(reply.headers.get('access-control-allow-credentials'), 'true')
    t.equal(reply.headers.get('vary'), 'Origin')
  }
  const limited = await collector.post(batchOf(1), named)
  t.equal(limited.status, 429)
  const exposed = limited.headers.get('access-control-expose-headers')?.split(', ') ?? []
  const readable = exposed.filter((name) => name !== 'X-Vantage-Durability')
  const sent = [...limited.headers.keys()].filter((name) => /^(x-ratelimit-|retry-after$)/.test(name))
  t.same(readable.map((name) => name.toLowerCase()).sort(), sent.sort(), 'each header that says when to send again')
  const other = await collector.get('/live', { Origin: 'https://b.example' })
  t.equal(other.headers.get('access-control-allow-credentials'), null)
  t.equal(other.headers.get('access-control-allow-origin'), null)
})
