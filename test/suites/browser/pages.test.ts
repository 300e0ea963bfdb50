import type { Page } from 'playwright-core'
import { type Test, test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startBrowser } from '../../../tools/browser.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { Load } from '../../support/load.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

/** Opens a page, and fails the test for whatever the browser complains of: its policy, a missing file, an exception. */
async function open(t: Test, url: string, options = {}): Promise<Page> {
  const browser = await startBrowser(t)
  const page = await (await browser.newContext(options)).newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') t.fail(`the console says: ${message.text()}`)
  })
  page.on('pageerror', (error) => t.fail(`the page fails: ${error.message}`))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && origin !== new URL(url).origin) t.fail(`the page asks ${request.url()}`)
  })
  await page.goto(url)
  return page
}

const text = (page: Page, selector: string) => page.locator(selector).innerText()
/** The figure under a name in the ledger. */
const booked = async (page: Page, name: string) => {
  const entry = page.locator('#ledger div', { has: page.getByText(name, { exact: true }) })
  return Number((await entry.locator('dd').innerText()).replaceAll(',', ''))
}

async function post(collector: Collector): Promise<void> {
  for (let n = 0; n < 20; n++) await collector.post(batchOf(50, { service: `service-${n % 4}` }))
  await collector.post({ ...batchOf(1), metrics: [metricOf(1), { ...metricOf(2), value: '<b>2</b>' }] })
  await collector.post(batchOf(1, { service: '<img src=x onerror=alert(1)>' }))
}

test('the status page says that Kafka is away, and where the batches are', async (t) => {
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, env })
  await collector.post(batchOf(7))
  const page = await open(t, collector.url)
  await page.waitForSelector('#status[data-status=degraded]')
  t.match(await text(page, '#notice'), /^Batches are kept until Kafka takes them: No broker of /)
  t.equal(await booked(page, 'Waiting'), 7)
})

test('the status page shows what the client counted, also after the death of a worker', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const page = await open(t, `${collector.url}/`)
  await page.getByText('Operational').waitFor()
  await post(collector)
  const [victim = 0] = await collector.workerPids()
  await waitFor(async () => (await collector.stats()).ingestion.metrics_received === 1003, 'the figures')
  process.kill(victim, 'SIGKILL')

  await waitFor(async () => (await text(page, '#restarts')) === '1 restarted', 'the page to notice')
  const { ingestion } = await collector.stats()
  t.equal(await booked(page, 'Received'), 1003)
  t.equal(await booked(page, 'Rejected'), 1)
  t.equal(ingestion.metrics_received, 1003)
  t.equal(await collector.metric('metrics_received_total'), 1003)
  t.match(await text(page, '#ledger-verdict'), 'Balanced')
  t.match(await text(page, '#recent-problems'), /202\s+A part of the batch was rejected value\.type × 1/)
  t.match(await text(page, '#rejections'), 'value.type')
  t.match(await text(page, '#configuration'), /^$/, 'closed until asked for')
  await page.getByText('Configuration').click()
  t.match(await text(page, '#configuration'), /VANTAGE_KAFKA_TOPIC\s+metrics-raw/)
})

test('the charts show the load, and what is scraped from requests is text, never markup', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const page = await open(t, `${collector.url}/`, { colorScheme: 'dark', viewport: { width: 390, height: 844 } })
  const load = new Load(collector, { connections: 2, batchSize: 100, pauseMs: 20 })
  t.teardown(() => load.stop())
  await collector.post(batchOf(50, { service: '<img src=x onerror=alert(1)>' }))
  await waitFor(async () => /received [1-9]/.test(await text(page, '#throughput-legend')), 'throughput')
  await waitFor(async () => /p99 [\d.]+ ms/.test(await text(page, '#latency-legend')), 'latency')
  t.match(await page.locator('#throughput').getAttribute('aria-label'), /received [1-9]/)
  t.equal(await page.locator('.chart canvas').count(), 2)
  t.ok(await drawn(page), 'the chart has lines')
  t.match(await text(page, '#services'), 'service-0')
  t.equal(await page.locator('#services img').count(), 0)
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, 'a phone need not scroll sideways')
})

test('a collector that drains or is gone is shown so, and the page finds the next one', async (t) => {
  const kafka = await startMockKafka(t)
  const first = await startCollector(t, { kafka })
  const browser = await startBrowser(t)
  const page = await browser.newPage()
  await page.goto(`${first.url}/`)
  await page.getByText('Operational').waitFor()
  await first.stop()
  await page.getByText('No answer').waitFor()
  t.match(await text(page, '#notice'), 'The collector does not answer')
  await startCollector(t, { kafka, env: { VANTAGE_API_PORT: new URL(first.url).port } })
  await page.getByText('Operational').waitFor()
})

test('Swagger UI posts a metric that comes out of Kafka', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const page = await open(t, `${collector.url}/docs`)
  await page.locator('#operations-Metrics-postMetrics').click()
  await page.getByRole('button', { name: 'Execute' }).click()
  await page.locator('.live-responses-table .response-col_status', { hasText: '202' }).waitFor()
  const [record] = await readTopic(kafka, 1)
  t.match(JSON.parse(record?.value ?? '{}'), { metric_name: 'http.request.duration', value: 123.45 })
})

test('ReDoc shows the operations', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const page = await open(t, `${collector.url}/redoc`)
  await page.getByRole('heading', { name: 'Deliver a batch of metrics' }).waitFor()
})

test('pages have a strict policy, and what has not changed is not sent again', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const page = await collector.get('/', { Accept: 'text/html' })
  t.match(page.headers.get('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self';")
  const script = await collector.get('/assets/pages/status.js')
  t.equal(script.headers.get('content-encoding'), 'gzip')
  const etag = script.headers.get('etag') ?? ''
  const again = await collector.get('/assets/pages/status.js', { 'If-None-Match': etag })
  t.equal(again.status, 304)
  t.equal(again.text, '')
  for (const path of ['/assets/', '/assets/../package.json', '/assets/pages/status.ts', '/assets/worker/app.js']) {
    t.equal((await collector.get(path)).status, 404, path)
  }
})

/** Whether anything but the ground stands on the canvas of the first chart. */
function drawn(page: Page): Promise<boolean> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('#throughput canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return new Set(new Uint32Array(data.buffer)).size > 20
  })()`)
}
