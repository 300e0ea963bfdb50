import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { configSchema, defaultOf } from '../../../lib/config/schema.js'
import { variableOf } from '../../../lib/config/variables.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { tool } from '../../support/tools.js'

const run = promisify(execFile)
const kubernetesVersion = '1.34'
const chart = 'deploy/helm'

/** Each way in which the chart is used, and the manifests that it then makes. */
const variants: Record<string, string[]> = {
  'with a journal': [],
  'without a journal': ['journal.enabled=false'],
  'with all that is optional': [
    'autoscaling.enabled=true',
    'autoscaling.targetMetricsPerSecond=50000',
    'serviceMonitor.enabled=true',
    'serviceMonitor.authorization.credentials.name=vantage-scrape',
    'serviceMonitor.authorization.credentials.key=api-key',
    'secrets.name=collector-secrets',
    'secrets.files.VANTAGE_API_KEYS_FILE=api-keys',
    'tls.secretName=collector-tls',
    'tls.clientCa=true',
    'networkPolicy.egress[0].ports[0].port=4318',
    'env.VANTAGE_MAX_BATCH_SIZE=2000',
  ],
}

async function render(settings: string[]): Promise<string> {
  const flags = settings.flatMap((setting) => ['--set', setting])
  const { stdout } = await run(tool('helm'), [
    ...['template', 'collector', chart, '--kube-version', `${kubernetesVersion}.0`],
    ...flags,
  ])
  return stdout
}

async function validate(t: Test, manifests: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vantage-chart-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'manifests.yaml')
  await writeFile(file, manifests)
  const flags = ['-k', kubernetesVersion, '--strict', '--no-warn', file]
  await t.resolves(run(tool('kubernetes-validate'), flags))
}

test('helm lint finds nothing', async (t) => {
  await t.resolves(run(tool('helm'), ['lint', '--strict', chart]))
})

for (const [name, settings] of Object.entries(variants)) {
  test(`the manifests ${name} are valid for Kubernetes ${kubernetesVersion}`, async (t) => {
    await validate(t, await render(settings))
  })
}

test('a wrong member is found, so that the test above says something', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vantage-chart-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'manifests.yaml')
  await writeFile(file, (await render([])).replace('readinessProbe:', 'readynessProbe:'))
  await t.rejects(run(tool('kubernetes-validate'), ['-k', kubernetesVersion, '--strict', file]))
})

test('the plain manifests are those of the chart; npm run manifests writes them', async (t) => {
  t.equal(await readFile('deploy/kubernetes/collector.yaml', 'utf8'), await render([]))
})

test('every setting of the chart exists', async (t) => {
  const known = new Set(Object.keys(configSchema.properties).map(variableOf))
  const named = (await render(variants['with all that is optional'] ?? [])).match(/VANTAGE_[A-Z_]+/g) ?? []
  const unknown = named.filter((name) => !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
  t.same(unknown, [])
})

test('no service that stands beside the collector sets a variable of its pods', async (t) => {
  for (const settings of Object.values(variants)) {
    t.match(await render(settings), /\n {6}enableServiceLinks: false\n/)
  }
})

test('probes ask for routes that are there, often enough to be heard before a pod goes', async (t) => {
  const manifests = await render([])
  const probe = (kind: string) => {
    const [text = ''] = new RegExp(`${kind}Probe:\n(?: {12,}.*\n)+`).exec(manifests) ?? []
    const number = (member: string) => Number(new RegExp(`${member}: (\\d+)`).exec(text)?.[1])
    return {
      path: /path: (\S+)/.exec(text)?.[1],
      everyS: number('periodSeconds'),
      failures: number('failureThreshold'),
    }
  }
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { VANTAGE_API_WORKERS: '1' } })
  t.equal(probe('readiness').path, '/ready')
  for (const kind of ['startup', 'liveness'])
    t.equal(probe(kind).path, '/live', 'a broker that is away restarts nothing')
  for (const path of ['/ready', '/live']) t.equal((await collector.get(path)).status, 200)

  const stuckAfterS = Number(defaultOf(configSchema.properties.workerStuckAfterMs)) / 1000
  const { everyS, failures } = probe('liveness')
  t.ok(everyS * failures > 2 * stuckAfterS, 'the collector replaces a stuck worker before Kubernetes kills the pod')
})

test('with a certificate, each probe asks by HTTPS; without, none does', async (t) => {
  const manifests = await render(['tls.secretName=collector-tls'])
  t.equal(manifests.match(/httpGet:\n +path: \S+\n +port: http\n +scheme: HTTPS\n/g)?.length, 3)
  t.match(manifests, /name: VANTAGE_TLS_CERT_FILE\n +value: \/run\/secrets\/tls\/tls.crt/)
  t.notMatch(await render([]), 'HTTPS')
})

test('a pod has the time it needs to leave: preStop, drain and a margin', async (t) => {
  const manifests = await render(['shutdown.preStopSeconds=7', 'shutdown.drainSeconds=20'])
  const number = (pattern: RegExp) => Number(pattern.exec(manifests)?.[1])
  const graceS = number(/terminationGracePeriodSeconds: (\d+)/)
  const preStopS = number(/command: \[sleep, "(\d+)"\]/)
  const drainMs = number(/VANTAGE_SHUTDOWN_TIMEOUT_MS\s+value: "(\d+)"/)
  t.equal(preStopS, 7)
  t.equal(drainMs, 20_000)
  t.ok(graceS >= preStopS + drainMs / 1000 + 2, 'Kubernetes does not kill a collector that still drains')
  t.match(await render([]), `value: "${defaultOf(configSchema.properties.shutdownTimeoutMs)}"`)
})

test('an autoscaler takes no pod away whose journal may hold metrics, unless it is told to', async (t) => {
  const scaleDown = async (...settings: string[]) => {
    const manifests = await render(['autoscaling.enabled=true', ...settings])
    return /(?<=\n {4}scaleDown:\n)(?: {6}.*\n)+/.exec(manifests)?.[0].trim().split(/\n */)
  }
  t.same(await scaleDown(), ['selectPolicy: Disabled', 'stabilizationWindowSeconds: 300'])
  t.same(await scaleDown('autoscaling.scaleDown.selectPolicy=Max'), [
    'selectPolicy: Max',
    'stabilizationWindowSeconds: 300',
  ])
  t.same(await scaleDown('autoscaling.scaleDown.stabilizationWindowSeconds=60'), [
    'selectPolicy: Disabled',
    'stabilizationWindowSeconds: 60',
  ])
  t.same(await scaleDown('journal.enabled=false'), ['stabilizationWindowSeconds: 300'])
})

test('a network policy lets collectors reach what it is told of beside DNS and Kafka', async (t) => {
  const egress = (manifests: string) => /(?<=\n {2}egress:\n)(?: {4}.*\n)+/.exec(manifests)?.[0] ?? ''
  const plain = egress(await render([]))
  t.equal(
    egress(await render(['networkPolicy.egress[0].ports[0].port=4318'])),
    `${plain}    - ports:\n      - port: 4318\n`,
  )
})
