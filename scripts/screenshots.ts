// Draws the pages as they are seen, into docs/images: npm run screenshots. Starts an embedded Kafka and a collector with a
// load that is the same each time.

import { mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { DevBroker } from '../lib/primary/dev-broker.js'
import { batchOf, metricOf } from '../test/support/batches.js'
import { launchBrowser } from '../test/support/browser.js'
import { Collector } from '../test/support/collector.js'
import { waitFor } from '../test/support/wait-for.js'

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'docs/images' }, seconds: { type: 'string', default: '45' } },
})
mkdirSync(values.out, { recursive: true })

const desktop = { viewport: { width: 1280, height: 940 } }
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5 }
const services = ['api-gateway', 'checkout', 'search', 'payments', 'inventory', 'mail', 'auth', 'images']

const broker = await DevBroker.start()
const collector = new Collector({ kafka: broker.address, env: { VANTAGE_ENVIRONMENT: 'staging' } })
await collector.listening()
await waitFor(async () => (await collector.get('/ready')).status === 200, 'ready')
const browser = await launchBrowser()

await shoot('status-idle', '/', desktop, 7)
let loaded = true
const load = Promise.all(services.map((service, n) => agent(service, 120 - 12 * n)))
const dark = { ...desktop, colorScheme: 'dark' } as const
await Promise.all([
  shoot('status-busy', '/', desktop, Number(values.seconds)),
  shoot('status-busy-dark', '/', dark, Number(values.seconds)),
  shoot('status-phone', '/', phone, Number(values.seconds)),
])
await shoot('docs', '/docs', desktop, 3)
await shoot('redoc', '/redoc', desktop, 4)
const leaving = shoot('status-kafka-away', '/', desktop, 12)
await pause(6000)
await broker.stop()
await leaving
loaded = false
await load
await collector.kill()
await browser.close()
process.exit()

/** Opens a page, watches it for a while and draws it. */
async function shoot(name: string, path: string, options: BrowserContextOptions, seconds: number): Promise<void> {
  const page = await openPage(browser, options)
  await page.goto(collector.url + path)
  await pause(seconds * 1000)
  await page.screenshot({ path: `${values.out}/${name}.png` })
  await page.context().close()
}

async function openPage(from: Browser, options: BrowserContextOptions) {
  const context = await from.newContext(options)
  return context.newPage()
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
