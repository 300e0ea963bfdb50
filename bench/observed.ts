// What does it cost to be looked at: by a scrape of Prometheus and by an open status page, once a second each?

import { setTimeout as pause } from 'node:timers/promises'
import { median } from './statistics.js'
import { type Bench, type Findings, type Measurement, Samples } from './subject.js'

const intervalMs = 1000
/** What Prometheus asks for. */
const scrapeHeaders = { Accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' }

const load = 'closed loop, batches of 100, gzip'

export async function observed(bench: Bench): Promise<Findings> {
  const samples = new Samples()
  const rates: number[] = []
  const costs: number[] = []
  for (let run = 1; run <= bench.options.runs; run++) {
    // What comes second in one run comes first in the next.
    const lookedAtFirst = run % 2 === 0
    const first = await measure(bench, lookedAtFirst, samples)
    const second = await measure(bench, !lookedAtFirst, samples)
    const [seen, unseen] = lookedAtFirst ? [first, second] : [second, first]
    rates.push(seen.result.metricsPerSecond / unseen.result.metricsPerSecond)
    costs.push(seen.cpuMicrosecondsPerMetric / unseen.cpuMicrosecondsPerMetric)
  }
  const notes = [
    `Looked at, the rate is ${spreadOf(rates)} of that of the run beside it in which nobody looks, CPU a metric ${spreadOf(costs)}.`,
  ]
  return { figures: samples.figures, plots: [], notes }
}

async function measure(bench: Bench, lookedAt: boolean, samples: Samples): Promise<Measurement> {
  const name = `${load}, ${lookedAt ? 'a scrape and a look at the status page a second' : 'nobody looks'}`
  const scrapesMs: number[] = []
  const look = (url: string) => lookAt(url, scrapesMs)
  const measurement = await bench.measure({ env: {} }, {}, lookedAt ? look : undefined)
  const { result, cpuMicrosecondsPerMetric } = measurement
  bench.options.report(`${name}: ${Math.round(result.metricsPerSecond)} metrics/s`)
  samples.add(name, 'metrics/s', result.metricsPerSecond)
  samples.add(`CPU a metric, ${name}`, 'µs', cpuMicrosecondsPerMetric)
  for (const ms of scrapesMs) samples.add(`a scrape of /metrics, ${load}`, 'ms', ms)
  return measurement
}

/**
 * Looks until it is stopped, as a Prometheus and the page in a browser would. Not by a real browser: its drawing would
 * take CPU from the collector on the same machine.
 */
function lookAt(url: string, scrapesMs: number[]): () => Promise<void> {
  const stopping = new AbortController()
  const looking = (async () => {
    // The first request of a process costs the process more than the collector.
    await get(`${url}/live`)
    while (!stopping.signal.aborted) {
      const startedAt = performance.now()
      await get(`${url}/metrics`, scrapeHeaders)
      scrapesMs.push(performance.now() - startedAt)
      await get(`${url}/v1/stats`)
      // Only an abort ends it early.
      await pause(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  })()
  // Its failure is reported when it is stopped, not before.
  looking.catch(() => undefined)
  return () => {
    stopping.abort()
    return looking
  }
}

async function get(url: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(url, { headers })
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  await response.arrayBuffer()
}

function spreadOf(ratios: number[]): string {
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`
  return `${percent(median(ratios))} (${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))})`
}
