import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { type ClientTls, fetchHttps } from '../../../tools/https-client.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Authority, type Identity, install } from '../../support/certificates.js'
import { makeDirectory } from '../../support/directory.js'
import { Load } from '../../support/load.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { runCommand } from '../../support/run-command.js'

function settingsFor({ cert, key }: Identity): Record<string, string> {
  return { VANTAGE_TLS_CERT_FILE: cert, VANTAGE_TLS_KEY_FILE: key }
}

function show({ cert, key }: Identity): ClientTls {
  return { cert: readFileSync(cert), key: readFileSync(key) }
}

async function startSecure(t: Test, authority: Authority, identity: Identity, env: Record<string, string> = {}) {
  const tls = { ca: readFileSync(authority.cert) }
  const kafka = await startMockKafka(t)
  return startCollector(t, { kafka, tls, env: { ...settingsFor(identity), ...env } })
}

/** The protocol that a handshake agrees on, or why it fails. */
function handshake({ url }: Collector, options: ConnectionOptions): Promise<string> {
  const { hostname: host, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), servername: 'localhost', ...options }, () => {
      resolve(socket.getProtocol() ?? '')
      socket.destroy()
    })
    socket.on('error', (error) => resolve(error.message))
  })
}

async function reload(collector: Collector): Promise<void> {
  const before = collector.logs.length
  collector.process.kill('SIGHUP')
  const done = () => collector.logs.slice(before).some(({ msg }) => msg === 'the workers are replaced')
  await waitFor(done, 'the reload')
}

test('with a certificate it speaks HTTPS, TLS 1.2 and 1.3, and nothing older or in clear', async (t) => {
  const authority = await Authority.create(t)
  const collector = await startSecure(t, authority, await authority.issue('server'))
  t.match(collector.url, /^https:/)
  t.equal((await collector.post(batchOf(3))).status, 202)
  const page = await collector.get('/', { Accept: 'text/html' })
  t.match(page.headers.get('strict-transport-security'), /^max-age=\d+$/)

  const ca = readFileSync(authority.cert)
  t.equal(await handshake(collector, { ca }), 'TLSv1.3')
  t.equal(await handshake(collector, { ca, maxVersion: 'TLSv1.2' }), 'TLSv1.2')
  // This machine's OpenSSL speaks TLS 1.1 at its lowest level of security only.
  const old = { ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  t.match(await handshake(collector, old), /alert protocol version/)
  t.match(await handshake(collector, { ca: [] }), /unable to (verify|get)/, 'it shows its own certificate')
  await t.rejects(fetch(collector.url.replace('https', 'http')), 'plain HTTP')
})

test('commands find the collector of this machine that speaks HTTPS', async (t) => {
  const authority = await Authority.create(t)
  const identity = await authority.issue('server')
  const collector = await startSecure(t, authority, identity)
  const { port } = new URL(collector.url)
  const env = { ...settingsFor(identity), VANTAGE_API_PORT: port, NODE_EXTRA_CA_CERTS: authority.cert }
  const input = JSON.stringify(batchOf(3))
  t.match(await runCommand(['send', '-'], { env, input }), { code: 0, stdout: /^3 accepted/ })
  t.match(await runCommand(['top', '--once'], { env }), { code: 0, stdout: /Received 3 = Acknowledged 3/ })
})

test('the certificate tells in figures and log when it expires', async (t) => {
  const authority = await Authority.create(t)
  const collector = await startSecure(t, authority, await authority.issue('server', { days: 2 }))
  const seconds = await collector.metric('tls_certificate_expiry_timestamp_seconds')
  const inDays = (seconds * 1000 - Date.now()) / 86_400_000
  t.ok(inDays > 1.9 && inDays <= 2, `in ${inDays} days`)
  const listening = collector.logs.find(({ msg }) => msg === 'collector is listening')
  t.equal(Date.parse(String(listening?.certificateExpires)), seconds * 1000)
})

test('with a CA, clients need a certificate that it has signed; probes need none', async (t) => {
  const [authority, stranger] = [await Authority.create(t), await Authority.create(t)]
  const [server, agent, other] = [
    await authority.issue('server'),
    await authority.issue('agent'),
    await stranger.issue('agent'),
  ]
  const collector = await startSecure(t, authority, server, { VANTAGE_TLS_CA_FILE: authority.cert })
  for (const path of ['/live', '/ready', '/health']) t.equal((await collector.get(path)).status, 200, path)
  for (const path of ['/', '/v1/stats', '/v1/config', '/metrics', '/docs', '/openapi.json'])
    t.equal((await collector.get(path)).status, 403, path)
  const refused = await collector.post(batchOf(1))
  t.equal(refused.status, 403)
  t.match(refused.body, { code: 'VANTAGE_CLIENT_CERTIFICATE_REQUIRED' })

  const ca = readFileSync(authority.cert)
  const headers = { 'Content-Type': 'application/json' }
  const post = (identity: Identity, more: ClientTls = {}) =>
    fetchHttps(
      `${collector.url}/v1/metrics`,
      { method: 'POST', headers, body: JSON.stringify(batchOf(1)) },
      { ca, ...show(identity), ...more },
    )
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    t.equal((await post(agent, { maxVersion })).status, 202, maxVersion)
    await t.rejects(post(other, { maxVersion }), /alert unknown ca|ECONNRESET|EPIPE|socket hang up/, maxVersion)
  }
})

test('a certificate renewed under load: no request fails, and new connections see the new one', async (t) => {
  const authority = await Authority.create(t)
  const [served, renewed] = [await authority.issue('server'), await authority.issue('renewed')]
  const collector = await startSecure(t, authority, served)
  const ca = readFileSync(authority.cert)
  const serialNumber = async () => {
    const reply = await fetchHttps(`${collector.url}/live`, { method: 'GET', headers: {} }, { ca, agent: false })
    return reply.serialNumber
  }
  const before = await serialNumber()
  const load = new Load(collector, { connections: 8, batchSize: 10, pauseMs: 5 })
  await waitFor(() => load.accepted.size > 500, 'load')
  install(renewed, served)
  await reload(collector)
  const reloadedAt = load.accepted.size
  const after = new Set(await Promise.all(Array.from({ length: 10 }, serialNumber)))
  await waitFor(() => load.accepted.size > reloadedAt + 500, 'load on the new certificate')
  await load.stop()
  t.same(load.others, [], 'every request got 202')
  t.equal(after.size, 1)
  t.notOk(after.has(before))
})

test('a wrong certificate keeps the workers, says why in one line, and ends nobody when a worker dies', async (t) => {
  const authority = await Authority.create(t)
  const [served, renewed] = [await authority.issue('server'), await authority.issue('renewed')]
  const collector = await startSecure(t, authority, served)
  const pids = await collector.workerPids()
  const { key } = renewed
  const good = readFileSync(served.key)
  writeFileSync(served.key, readFileSync(key))
  const before = collector.logs.length
  collector.process.kill('SIGHUP')
  const told = () => collector.logs.slice(before).filter(({ level }) => level === 'error')
  await waitFor(() => told().length > 0, 'the log to tell')
  t.match(told(), [{ msg: /^the workers stay as they are: VANTAGE_TLS_KEY_FILE=\S+ is not the key of the first cert/ }])
  t.equal(told().length, 1)
  t.same(await collector.workerPids(), pids)

  process.kill(pids[0] ?? 0, 'SIGKILL')
  const failed = () => collector.logs.filter(({ msg }) => msg === 'a worker ended unasked and is replaced').length
  await waitFor(() => failed() > 6, 'more failed starts than a new collector would take', 60_000)
  t.equal((await collector.post(batchOf(1))).status, 202, 'the other one serves')
  writeFileSync(served.key, good)
  await waitFor(
    async () => (await collector.workerPids()).length === 2,
    'a worker in the place of the dead one',
    30_000,
  )
})

test('what is wrong with the files is told at the start and by --check-config, a line each', async (t) => {
  const authority = await Authority.create(t)
  const [server, other] = [await authority.issue('server'), await authority.issue('other')]
  const directory = await makeDirectory(t)
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const noise = write('noise.pem', 'nothing')
  const spoilt = write('spoilt.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const encrypted = join(directory, 'encrypted.key')
  const cases: [env: Record<string, string>, mistake: RegExp][] = [
    [{ VANTAGE_TLS_CERT_FILE: server.cert }, /VANTAGE_TLS_CERT_FILE needs VANTAGE_TLS_KEY_FILE$/],
    [{ VANTAGE_TLS_KEY_FILE: server.key }, /VANTAGE_TLS_KEY_FILE needs VANTAGE_TLS_CERT_FILE$/],
    [{ VANTAGE_TLS_CA_FILE: server.cert }, /VANTAGE_TLS_CA_FILE needs VANTAGE_TLS_CERT_FILE and VANTAGE_TLS_KEY_FILE$/],
    [settingsFor({ ...server, cert: '/nowhere' }), /VANTAGE_TLS_CERT_FILE=\/nowhere cannot be read: ENOENT/],
    [settingsFor({ ...server, cert: noise }), /VANTAGE_TLS_CERT_FILE=\S+ is no certificate in PEM/],
    [settingsFor({ ...server, cert: spoilt }), /VANTAGE_TLS_CERT_FILE=\S+ has a certificate that cannot be read/],
    [settingsFor({ ...server, key: noise }), /VANTAGE_TLS_KEY_FILE=\S+ is no private key in PEM/],
    [settingsFor({ ...server, key: other.key }), /VANTAGE_TLS_KEY_FILE=\S+ is not the key of the first certificate/],
    [settingsFor({ ...server, key: encrypted }), /VANTAGE_TLS_KEY_FILE=\S+ is encrypted/],
    [{ ...settingsFor(server), VANTAGE_TLS_CA_FILE: noise }, /VANTAGE_TLS_CA_FILE=\S+ is no certificate in PEM/],
  ]
  await authority.encrypt(server.key, encrypted)
  for (const [env, mistake] of cases) {
    const { code, stderr } = await runCommand(['--check-config'], { env })
    t.equal(code, 2)
    t.match(stderr.trim().split('\n'), [mistake], String(mistake))
  }
  const expired = await authority.issue('expired', { days: -1 })
  const { code, stderr } = await runCommand(['--check-config'], { env: settingsFor(expired) })
  t.equal(code, 0)
  t.match(stderr, /VANTAGE_TLS_CERT_FILE=\S+ has expired: 20/)
})

test('who connects and does not shake hands is closed', async (t) => {
  const authority = await Authority.create(t)
  const collector = await startSecure(t, authority, await authority.issue('server'))
  const { hostname, port } = new URL(collector.url)
  const silent = ['', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 'GET / HTTP/1.1\r\n\r\n'].map(
    (bytes) =>
      new Promise<void>((resolve) => {
        const socket = connectTcp(Number(port), hostname, () => void socket.write(bytes, 'latin1'))
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
        socket.resume()
      }),
  )
  await Promise.all(silent)
  await waitFor(async () => (await collector.metric('connections')) <= 1, 'the connections to be gone')
  t.equal((await collector.post(batchOf(1))).status, 202)
})
