import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Authority } from '../../support/certificates.js'
import { rehearse } from '../../support/dockerfile.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { plainly } from '../../support/plainly.js'
import { readTopic } from '../../support/read-topic.js'
import { tool } from '../../support/tools.js'

const run = promisify(execFile)

const alreadyHere: Record<string, string> = {
  'npm rebuild node-rdkafka': 'node_modules/node-rdkafka/build',
  'npm ci --ignore-scripts --no-audit': 'node_modules',
}

test('hadolint finds nothing in the Dockerfile', async (t) => {
  await t.resolves(run(tool('hadolint'), ['Dockerfile']))
  const path = join(t.testdir(), 'Dockerfile')
  writeFileSync(path, readFileSync('Dockerfile', 'utf8').replaceAll('# hadolint ignore=DL3008\n', ''))
  await t.rejects(run(tool('hadolint'), [path]), 'and something where there is something')
})

test('the Dockerfile builds what an unprivileged user runs on a read-only file system', async (t) => {
  const into = t.testdir()
  const image = await rehearse('Dockerfile', {
    into,
    // What is in this checkout already: the packages of the build, and the addon, which takes three minutes to compile.
    async instead(command, cwd) {
      const copied = alreadyHere[command]
      if (copied === undefined || process.env.REHEARSE_IN_FULL === '1') return false
      await run('cp', ['-al', resolve(copied), join(cwd, dirname(copied))])
      return true
    },
  })
  t.match(image, { user: '1000:1000', cwd: '/app' })
  const { stdout: size } = await run('du', ['-sm', image.root])
  t.ok(Number.parseInt(size, 10) < 250, `the image adds ${size.split('\t')[0]} MB to Node's`)

  const kafka = await startMockKafka(t)
  const port = await freePort()
  const app = join(image.root, image.cwd)
  const journal = join(image.root, 'var/lib/vantage-collector')
  await mkdir(journal, { recursive: true })
  const settings = {
    ...image.env,
    VANTAGE_JOURNAL_DIR: join(image.root, image.env.VANTAGE_JOURNAL_DIR ?? ''),
    VANTAGE_API_PORT: String(port),
    VANTAGE_API_WORKERS: '1',
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka,
  }
  const [uid, gid] = image.user.split(':')
  const user = `setpriv --reuid ${uid} --regid ${gid} --clear-groups --inh-caps=-all --no-new-privs`
  // In a mount namespace of its own: everything is read-only but the volume.
  const script = [
    'mount --make-rprivate /',
    `mount --bind ${journal} ${journal}`,
    'mount -o remount,ro,bind /',
    `if ${user} touch /tmp/probe ${app}/probe 2>/dev/null; then exit 99; fi`,
    `cd ${app} && exec ${user} ${image.entrypoint.join(' ')}`,
  ]
  const env = { PATH: process.env.PATH, ...settings }
  const collector = spawn(...plainly('unshare', ['--mount', 'sh', '-euc', script.join('\n')]), { env })
  t.teardown(() => collector.kill('SIGKILL'))
  let output = ''
  collector.stdout.on('data', (chunk) => (output += chunk))
  collector.stderr.on('data', (chunk) => (output += chunk))
  const url = `http://127.0.0.1:${port}`
  await waitFor(
    async () => {
      if (collector.exitCode !== null) throw new Error(`it ended with ${collector.exitCode}: ${output}`)
      return (await fetch(`${url}/ready`).catch(() => undefined))?.ok
    },
    'the collector to be ready',
    30_000,
  )

  const body = JSON.stringify(batchOf(1))
  const reply = await fetch(`${url}/v1/metrics`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json' },
  })
  t.equal(reply.status, 202)
  t.equal((await readTopic(kafka, 1)).length, 1)

  const [command = '', ...args] = image.healthcheck
  const check = (port: string, more: Record<string, string> = {}) =>
    run(...plainly(command, args), { env: { PATH: process.env.PATH, VANTAGE_API_PORT: port, ...more } })
  await t.resolves(check(String(port)), 'HEALTHCHECK')
  await t.rejects(check('1'), 'and where nothing is')
  const authority = await Authority.create(t)
  const { cert, key } = await authority.issue('server')
  const secure = await startCollector(t, {
    kafka,
    env: { VANTAGE_TLS_CERT_FILE: cert, VANTAGE_TLS_KEY_FILE: key },
    tls: { ca: readFileSync(authority.cert) },
  })
  await t.resolves(check(new URL(secure.url).port, { VANTAGE_TLS_CERT_FILE: cert }), 'with TLS')

  const ended = new Promise((resolve) => collector.once('exit', (code) => resolve(code)))
  collector.kill('SIGTERM')
  t.equal(await ended, 0, 'SIGTERM gets through to it, and it drains')
})
