// The image, built of the Dockerfile by buildah, and run as a container engine runs it: as an unprivileged user, read-only.

import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import type { Stats } from '../../../lib/telemetry/stats-schema.js'
import { batchOf } from '../../../tools/batches.js'
import { freePort } from '../../../tools/free-port.js'
import { fetchHttps } from '../../../tools/https-client.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Authority } from '../../support/certificates.js'
import { Container, createNetwork } from '../../support/container.js'
import { platformsIn } from '../../support/executables.js'
import { baseOf, buildImage, containerOf, type Image, mountImage } from '../../support/image.js'
import { plainly } from '../../support/plainly.js'
import { readTopic } from '../../support/read-topic.js'
import { startKafka } from '../../support/start-kafka.js'
import { tool } from '../../support/tools.js'

const run = promisify(execFile)
const name = 'vantage-collector'
const maxAddedMiB = 120

test('hadolint finds nothing in the Dockerfile', async (t) => {
  await t.resolves(run(tool('hadolint'), ['Dockerfile']))
  const path = join(t.testdir(), 'Dockerfile')
  writeFileSync(path, readFileSync('Dockerfile', 'utf8').replaceAll('# hadolint ignore=DL3008\n', ''))
  await t.rejects(run(tool('hadolint'), [path]), 'and something where there is something')
})

test('the image', async (t) => {
  await buildImage(name)
  const image = await mountImage(t, name)

  await t.test(`adds at most ${maxAddedMiB} MiB to Node's, for this platform only`, async (t) => {
    const base = await mountImage(t, await baseOf('Dockerfile'))
    const addedMiB = (await sizeMiB(image.root)) - (await sizeMiB(base.root))
    t.comment(`it adds ${addedMiB} MiB`)
    t.ok(addedMiB <= maxAddedMiB, `it adds ${addedMiB} MiB`)
    t.same(await platformsIn(join(image.root, 'app')), ['elf x64'])
  })

  await t.test('serves with an embedded Kafka, and has its commands on the PATH', async (t) => {
    const network = await createNetwork(t)
    const env = { VANTAGE_ENVIRONMENT: 'development', VANTAGE_API_WORKERS: '1' }
    const options = await containerOf(t, image, { network, env })
    const collector = start(t, image, options, '--dev')
    await waitFor(() => collector.output.includes('collector is listening') || !collector.running, 'the start')
    t.ok(collector.running, 'it runs', { output: collector.output })
    const body = JSON.stringify(batchOf(1))
    const post = `fetch('http://127.0.0.1:8000/v1/metrics', { method: 'POST', body: process.argv[1],
      headers: { 'Content-Type': 'application/json' } }).then(async (reply) => console.log(reply.status, await reply.text()))`
    t.match((await Container.run(['node', '-e', post, body], options)).output, /^202 .*"durability":"kafka"/)
    const tail = new Container(['vantage-collector', 'tail', '--dev'], options)
    t.teardown(() => tail.kill())
    await waitFor(() => tail.output.includes('"metric_name"') || !tail.running, 'the record')
    t.match(tail.output, /"metric_name"/)
    await collector.signal('SIGTERM')
    t.equal(await collector.exit, 0)
  })

  await t.test('serves with a real Kafka, reloads by SIGHUP and drains by SIGTERM', async (t) => {
    const kafka = await startKafka(t)
    const port = String(await freePort())
    const settings = { VANTAGE_API_PORT: port, VANTAGE_KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap }
    const env = { ...settings, VANTAGE_API_WORKERS: '1', VANTAGE_ACK_TIMEOUT_MS: '20000' }
    const options = await containerOf(t, image, { env })
    const probe = 'touch /tmp/probe; touch /app/probe; touch "$VANTAGE_JOURNAL_DIR-probe"; id -u'
    t.match((await Container.run(['sh', '-c', probe], options)).output, /^(touch: .*Read-only file system\n){2}1000\n$/)
    const check = () => Container.run(image.healthcheck, options)
    t.equal((await check()).code, 1, 'HEALTHCHECK where nothing is')

    const collector = start(t, image, options)
    const url = `http://127.0.0.1:${port}`
    await ready(collector, () => fetch(`${url}/ready`))
    t.equal((await check()).code, 0, 'HEALTHCHECK')
    t.match(await post(url), { status: 202, durability: 'kafka' })
    t.equal((await readTopic(kafka.bootstrap, 1)).length, 1)

    const pids = async () => {
      const { workers }: Stats = JSON.parse(await (await fetch(`${url}/v1/stats`)).text())
      return workers.map(({ pid }) => pid)
    }
    const before = await pids()
    await collector.signal('SIGHUP')
    await waitFor(async () => !(await pids()).some((pid) => before.includes(pid)), 'another worker')
    t.match(await post(url), { status: 202, durability: 'kafka' })

    await kafka.kill()
    t.match(await post(url), { status: 202, durability: 'journal' }, 'the journal is on the volume')
    await collector.signal('SIGTERM')
    t.equal(await collector.exit, 0, 'SIGTERM gets through to it, and it drains')
  })

  await t.test('has a HEALTHCHECK that knows TLS', async (t) => {
    const authority = await Authority.create(t)
    const { cert, key } = await authority.issue('server')
    const port = String(await freePort())
    const env = {
      VANTAGE_API_PORT: port,
      VANTAGE_API_WORKERS: '1',
      VANTAGE_ENVIRONMENT: 'development',
      VANTAGE_TLS_CERT_FILE: '/run/tls.pem',
      VANTAGE_TLS_KEY_FILE: '/run/tls.key',
    }
    const folder = await mkdtemp(join(tmpdir(), 'vantage-tls-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await run('install', ['-m', '644', cert, join(folder, 'tls.pem')])
    await run('install', ['-m', '644', key, join(folder, 'tls.key')])
    await run('chmod', ['755', folder])
    const options = await containerOf(t, image, { env, volumes: { '/run': folder } })
    const collector = start(t, image, options, '--dev')
    const tls = { ca: readFileSync(authority.cert) }
    await ready(collector, async () => {
      const { status } = await fetchHttps(`https://127.0.0.1:${port}/ready`, { method: 'GET', headers: {} }, tls)
      return { ok: status === 200 }
    })
    t.equal((await Container.run(image.healthcheck, options)).code, 0)
  })
})

test('after a change in lib/, only TypeScript is compiled again', async (t) => {
  const context = await mkdtemp(join(tmpdir(), 'vantage-context-'))
  t.teardown(() => rm(context, { recursive: true, force: true }))
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  const files = stdout.split('\0').filter((path) => path !== '')
  await run('cp', ['--archive', '--parents', ...files, context])
  await buildImage(`${name}-changed`, context)
  appendFileSync(join(context, 'lib/primary/primary.ts'), '// Changed.\n')
  const steps = (await buildImage(`${name}-changed`, context)).split(/^(?:\[\S+\] )?STEP \d+\/\d+: /m).slice(1)
  const done = steps.filter((step) => /^(RUN|COPY)/.test(step) && !step.includes('Using cache'))
  const [copied, built, ...rest] = done.map((step) => step.split('\n')[0] ?? '')
  t.equal(copied, 'COPY . .')
  t.match(built, /^RUN npm run build /)
  t.ok(
    rest.every((step) => step.startsWith('COPY --from=build ')),
    'and the rest copies what was compiled',
    { rest },
  )
})

test('what an image for arm64 installs has no program for another processor', async (t) => {
  const folder = t.testdir()
  const files = ['package.json', 'package-lock.json', '.npmrc', 'scripts/requirements', 'scripts/prune.js']
  await run('cp', ['--recursive', '--parents', ...files, folder])
  const platform = ['--os=linux', '--cpu=arm64', '--libc=glibc']
  const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--prefer-offline']
  await run('npm', ['ci', ...platform, ...flags], { cwd: folder })
  // The step of the Dockerfile, as it is done there.
  const onArm64 = `data:text/javascript,Object.defineProperty(process, 'arch', { value: 'arm64' })`
  await run(...plainly('node', ['--import', onArm64, 'scripts/prune.js']), { cwd: folder })
  const others = (await platformsIn(folder)).filter((platform) => platform !== 'elf arm64')
  t.same(others, [])
})

function start(t: Test, { entrypoint }: Image, options: ConstructorParameters<typeof Container>[1], ...args: string[]) {
  const collector = new Container([...entrypoint, ...args], options)
  t.teardown(() => collector.kill())
  return collector
}

async function ready(collector: Container, ask: () => Promise<{ ok: boolean }>): Promise<void> {
  await waitFor(async () => {
    if (!collector.running) throw new Error(`it ended: ${collector.output}`)
    return (await ask().catch(() => undefined))?.ok
  }, 'the collector to be ready')
}

async function post(url: string): Promise<{ status: number; durability?: string }> {
  const headers = { 'Content-Type': 'application/json' }
  const reply = await fetch(`${url}/v1/metrics`, { method: 'POST', headers, body: JSON.stringify(batchOf(1)) })
  const { durability }: { durability?: string } = JSON.parse(await reply.text())
  return { status: reply.status, ...(durability !== undefined && { durability }) }
}

async function sizeMiB(path: string): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1M', '--one-file-system', path])
  return Number.parseInt(stdout, 10)
}
