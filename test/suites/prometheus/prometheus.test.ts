import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { Load } from '../../support/load.js'
import { startMockKafka } from '../../support/mock-kafka.js'

const run = promisify(execFile)

test('the alerts fire for what they are for, and each has a place in the runbook', async (t) => {
  await t.resolves(run('promtool', ['check', 'rules', 'deploy/prometheus/alerts.yaml']))
  await t.resolves(run('promtool', ['test', 'rules', 'deploy/prometheus/alerts.test.yaml']))
  const rules = await readFile('deploy/prometheus/alerts.yaml', 'utf8')
  const headings = (await readFile('docs/runbook.md', 'utf8')).match(/^## .+/gm) ?? []
  const anchors = headings.map((heading) => heading.slice(3).toLowerCase().replaceAll(' ', '-'))
  for (const [, anchor = ''] of rules.matchAll(/runbook\.md#(\S+)/g)) t.ok(anchors.includes(anchor), anchor)
})

test('the job that the alerts ask for is the one that compose and the chart make', async (t) => {
  const rules = await readFile('deploy/prometheus/alerts.yaml', 'utf8')
  t.same(new Set(rules.match(/(?<=job=")[^"]+/g)), new Set(['vantage-collector']))
  t.match(await readFile('deploy/compose.yaml', 'utf8'), 'job_name: vantage-collector\n')
  t.match(await readFile('deploy/helm/templates/servicemonitor.yaml', 'utf8'), 'jobLabel: app.kubernetes.io/name\n')
  t.match(await readFile('deploy/helm/templates/_helpers.tpl', 'utf8'), 'app.kubernetes.io/name: vantage-collector\n')
})

test('a real Prometheus scrapes the collector, and every query of the dashboard returns data', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const load = new Load(collector, { connections: 1, batchSize: 10, pauseMs: 50 })
  t.teardown(() => load.stop())
  await collector.post({ ...batchOf(1), metrics: [{}] })
  // Half of a character: of a page that names it as it is, Prometheus takes nothing.
  await collector.post(batchOf(1, { service: '\ud800' }))
  await waitFor(async () => (await collector.stats()).kafka.brokers.length > 0, 'the first statistics of librdkafka')
  const { text } = await collector.get('/metrics')
  execFileSync('promtool', ['check', 'metrics'], { input: text })

  const prometheus = await startPrometheus(t, collector)
  const { panels } = JSON.parse(await readFile('deploy/grafana/dashboard.json', 'utf8'))
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const windows = expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h')
      const query = windows.replaceAll('$instance', '.*').replaceAll('$namespace', '.*')
      const found = await waitFor(() => prometheus(query), `data for ${title}`).catch((error) => error.message)
      t.equal(found, true, `${title}: ${expr}`)
    }
  }
  t.ok(await prometheus('up{job="vantage-collector"} == 1'))
  t.notOk(await prometheus('absent(vantage_collector_ready)'))
})

/** Starts Debian's Prometheus; the function it resolves with says whether a query returns data. */
async function startPrometheus(t: Test, collector: Collector): Promise<(query: string) => Promise<boolean>> {
  const directory = await mkdtemp(join(tmpdir(), 'vantage-prometheus-'))
  const port = await freePort()
  const config = `global: {scrape_interval: 1s}
scrape_configs: [{job_name: vantage-collector, static_configs: [{targets: ['${new URL(collector.url).host}']}]}]
`
  await writeFile(join(directory, 'prometheus.yml'), config)
  const child = spawn(
    'prometheus',
    [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  t.teardown(async () => {
    child.kill()
    await new Promise((resolve) => child.once('exit', resolve))
    await rm(directory, { recursive: true, force: true })
  })
  return async (query) => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`
    const response = await fetch(url).catch(() => undefined)
    if (response === undefined || response.status === 503) return false
    const { status, data } = (await response.json()) as { status: string; data: { result: unknown[] } }
    return status === 'success' && data.result.length > 0
  }
}
