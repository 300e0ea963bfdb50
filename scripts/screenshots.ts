// Draws the pages as they are seen, into docs/images: npm run screenshots. Starts an embedded Kafka and a collector with a
// load that is the same each time.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { DevBroker } from '../lib/primary/dev-broker.js'
import { batchOf, metricOf } from '../tools/batches.js'
import { launchBrowser } from '../tools/browser.js'
import { Collector } from '../tools/collector.js'
import { waitFor } from '../tools/wait-for.js'

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'docs/images' }, seconds: { type: 'string', default: '45' } },
})
mkdirSync(values.out, { recursive: true })

const desktop = { viewport: { width: 1280, height: 940 } }
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5 }
const services = ['api-gateway', 'checkout', 'search', 'payments', 'inventory', 'mail', 'auth', 'images']

const journal = mkdtempSync(join(tmpdir(), 'vantage-screenshots-'))
const broker = await DevBroker.start()
let collector = await start()
const browser = await launchBrowser()

await shoot('status-idle', '/', desktop, 7)
let loaded = true
const load = Promise.all(services.map((service, n) => agent(service, 120 - 12 * n)))
const dark = { ...desktop, colorScheme: 'dark' } as const
const seconds = Number(values.seconds)
// One after the other: drawing takes CPU, which the figures of the next one show.
await Promise.all([
  shoot('status-busy', '/', desktop, seconds),
  shoot('status-busy-dark', '/', dark, seconds + 7),
  shoot('status-phone', '/', phone, seconds + 14),
])
await shoot('docs', '/docs', desktop, 3)
await shoot('redoc', '/redoc', desktop, 4)
await shootDraining()
collector = await start()
const leaving = shoot('status-kafka-away', '/', desktop, 12)
await pause(6000)
await broker.stop()
await leaving
loaded = false
await load
await collector.kill()
await browser.close()
rmSync(journal, { recursive: true })
process.exit()

async function start(): Promise<Collector> {
  const env = { VANTAGE_ENVIRONMENT: 'staging', VANTAGE_JOURNAL_DIR: journal }
  const started = new Collector({ kafka: broker.address, env })
  await started.listening()
  await waitFor(async () => (await started.get('/ready')).status === 200, 'ready')
  return started
}

/** Opens a page, watches it for a while and draws it. */
async function shoot(name: string, path: string, options: BrowserContextOptions, seconds: number): Promise<void> {
  const page = await openPage(path, options)
  await pause(seconds * 1000)
  await draw(page, name)
}

/** A collector that ends is open to those who are there already, and not for long. */
async function shootDraining(): Promise<void> {
  const page = await openPage('/', desktop)
  await pause(8000)
  const ended = collector.stop()
  await page.waitForSelector('#status[data-status=draining]')
  await draw(page, 'status-draining')
  await ended
}

async function openPage(path: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  await page.goto(collector.url + path)
  return page
}

async function draw(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${values.out}/${name}.png` })
  await page.context().close()
}

/** Posts with a swell, and something wrong now and then. */
async function agent(service: string, size: number): Promise<void> {
  for (let n = 0; loaded; n++) {
    const batch = batchOf(Math.round(size * (1.2 + Math.sin(Date.now() / 6000))) + 1, { service })
    if (n % 40 === 0) batch.metrics.push({ ...metricOf(0), value: 'NaN' as unknown as number })
    if (n % 90 === 0) batch.metrics.push({} as ReturnType<typeof metricOf>)
    await collector.post(n % 300 === 150 ? '{"metrics": [' : batch).catch(() => undefined)
    await pause(40)
  }
}
