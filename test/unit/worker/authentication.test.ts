import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { createApiKey, type Scope } from '../../../lib/config/api-keys.js'
import { batchOf } from '../../../tools/batches.js'
import { type CollectorOptions, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Load } from '../../support/load.js'
import { startMockKafka } from '../../support/mock-kafka.js'

const execute = promisify(execFile)
const open = ['/health', '/ready', '/live', '/assets/pages/status.js']
const guarded = ['/', '/v1/stats', '/metrics', '/docs', '/redoc', '/openapi.json']

function startGuarded(t: Test, kafka: string, env: Record<string, string>, options: CollectorOptions = {}) {
  return startCollector(t, { kafka, env: { VANTAGE_AUTH_ENABLED: 'true', VANTAGE_DEBUG: 'true', ...env }, ...options })
}

/** A key file with these keys; gives the keys. */
function writeKeys(file: string, keys: [name: string, ...scopes: Scope[]][]): string[] {
  const made = keys.map(([name, ...scopes]) => createApiKey(name, new Set(scopes)))
  writeFileSync(file, made.map(({ line }) => `${line}\n`).join(''))
  return made.map(({ key }) => key)
}

test('a single API key opens everything; the probes and the scripts of the pages need none', async (t) => {
  const collector = await startGuarded(t, await startMockKafka(t), { VANTAGE_API_KEY: 's3cret' })
  for (const path of open) t.equal((await collector.get(path)).status, 200, path)
  for (const path of guarded) {
    t.equal((await collector.get(path)).status, 401, path)
    t.equal((await collector.get(path, { 'X-API-Key': 's3cret' })).status, 200, path)
  }
  const none = await collector.post(batchOf(1))
  t.equal(none.status, 401)
  t.match(none.body, { title: 'API key required' })
  t.match(none.headers.get('www-authenticate'), /^Bearer/)
  const wrong = await collector.post(batchOf(1), { 'X-API-Key': 'guess' })
  t.equal(wrong.status, 401)
  t.match(wrong.body, { title: 'Invalid API key' })
  t.equal((await collector.post(batchOf(1), { 'X-API-Key': 's3cret' })).status, 202)
  t.equal((await collector.post(batchOf(1), { Authorization: 'Bearer s3cret' })).status, 202)
  t.notOk(JSON.stringify(collector.logs).includes('s3cret'), 'no log shows the key')
})

test('named keys have scopes, and figures of their own', async (t) => {
  const file = join(t.testdir(), 'keys')
  const [agent = '', looker = ''] = writeKeys(file, [
    ['fleet-a', 'ingest'],
    ['prometheus', 'read'],
  ])
  const collector = await startGuarded(t, await startMockKafka(t), { VANTAGE_API_KEYS_FILE: file })
  t.equal((await collector.post(batchOf(7), { 'X-API-Key': agent })).status, 202)
  const refused = await collector.post(batchOf(1), { 'X-API-Key': looker })
  t.equal(refused.status, 403)
  t.match(refused.body, { code: 'VANTAGE_API_KEY_SCOPE', detail: 'The API key prometheus lacks the scope ingest' })
  t.equal((await collector.get('/v1/stats', { 'X-API-Key': agent })).status, 403)

  const { text } = await collector.get('/metrics', { 'X-API-Key': looker })
  t.match(text, 'vantage_collector_api_key_requests_total{key="fleet-a"} 2\n')
  t.match(text, 'vantage_collector_api_key_metrics_accepted_total{key="fleet-a"} 7\n')
  t.match(text, 'vantage_collector_api_key_requests_total{key="prometheus"} 2\n')
})

test('a browser is asked for the key as a password, which is good for looking only', async (t) => {
  const collector = await startGuarded(t, await startMockKafka(t), { VANTAGE_API_KEY: 's3cret' })
  const page = await collector.get('/', { Accept: 'text/html' })
  t.equal(page.status, 401)
  t.match(page.headers.get('www-authenticate'), /^Basic/)
  const basic = { Authorization: `Basic ${Buffer.from('any:s3cret').toString('base64')}` }
  t.equal((await collector.get('/', { Accept: 'text/html', ...basic })).status, 200)
  t.equal((await collector.post(batchOf(1), basic)).status, 401, 'a page of another origin could make the browser post')
})

test('a key rotated under load, by SIGHUP: no request fails, and the old key is refused in the end', async (t) => {
  const file = join(t.testdir(), 'keys')
  const [first = ''] = writeKeys(file, [['fleet-a', 'ingest', 'read']])
  const collector = await startGuarded(t, await startMockKafka(t), { VANTAGE_API_KEYS_FILE: file })
  const reload = async () => {
    const before = collector.logs.length
    collector.process.kill('SIGHUP')
    const done = () => collector.logs.slice(before).some(({ msg }) => msg === 'the workers are replaced')
    await waitFor(done, 'the reload')
  }
  const load = new Load(collector, { connections: 8, batchSize: 10, pauseMs: 5, headers: { 'X-API-Key': first } })
  await waitFor(() => load.accepted.size > 500, 'load')

  const command = ['dist/bin/vantage-collector.js', 'key', 'new', 'fleet-a', '--scope', 'ingest', '--file', file]
  const second = (await execute(process.execPath, command)).stdout.trim()
  await reload()
  load.headers = { 'X-API-Key': second }
  const changedAt = load.accepted.size
  await waitFor(() => load.accepted.size > changedAt + 500, 'load with the new key')
  writeFileSync(file, readFileSync(file, 'utf8').split('\n').slice(1).join('\n'))
  await reload()
  await load.stop()
  t.same(load.others, [], 'every request got 202')
  t.equal((await collector.post(batchOf(1), { 'X-API-Key': first })).status, 401)
  t.equal((await collector.post(batchOf(1), { 'X-API-Key': second })).status, 202)
})

test('a key file that was spoilt keeps the present workers, and says why', async (t) => {
  const file = join(t.testdir(), 'keys')
  const [key = ''] = writeKeys(file, [['fleet-a', 'ingest']])
  const collector = await startGuarded(t, await startMockKafka(t), { VANTAGE_API_KEYS_FILE: file })
  writeFileSync(file, `${key}\n`)
  collector.process.kill('SIGHUP')
  const told = () => collector.logs.filter(({ level }) => level === 'error')
  await waitFor(() => told().length > 0, 'the log to tell')
  const why = 'VANTAGE_API_KEYS is not allowed: line 1: the SHA-256 must be 64 hexadecimal digits'
  t.match(told(), [{ msg: `the workers stay as they are: ${why}` }])
  t.notMatch(JSON.stringify(collector.logs) + collector.stderr, key)
  t.equal((await collector.post(batchOf(1), { 'X-API-Key': key })).status, 202)
})
