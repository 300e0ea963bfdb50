// How long is a place empty when a worker is killed under load?

import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { runLoad } from '../lib/load/load.js'
import { defaultLoad } from '../lib/load/options.js'
import type { Stats } from '../lib/telemetry/stats-schema.js'
import { batchOf } from '../tools/batches.js'
import { waitFor } from '../tools/wait-for.js'
import { type Bench, type Findings, Samples } from './subject.js'

const metricsPerSecond = 20_000
/** Each of two workers has run for longer than 10 s then, so that its successor is started without a pause. */
const pauseBeforeKillMs = 6000

/**
 * Kills a worker with SIGKILL and measures until its successor has its first batch counted; as the primary hears of its
 * workers every 250 ms, that much of it is waiting for the news.
 */
export function restart(bench: Bench): Promise<Findings> {
  const kills = bench.options.quick ? 1 : 6
  const samples = new Samples()
  return bench.withCollector({ env: {} }, async ({ collector }) => {
    const load = { ...defaultLoad, url: `${collector.url}/v1/metrics`, connections: 64, metricsPerSecond }
    const running = runLoad({ ...load, warmUpSeconds: 1, seconds: (2 * kills * pauseBeforeKillMs) / 1000 })
    /** Posts on a new connection, which the kernel gives to any of the workers, and asks who has got what. */
    const ask = async (): Promise<Stats['workers'] | undefined> => {
      try {
        await postAlone(`${collector.url}/v1/metrics`)
        return (await collector.stats()).workers
      } catch {
        // The connection went to the worker that was just killed.
        return undefined
      }
    }
    const allServe = (not: number | undefined) => async () => {
      const workers = await ask()
      return (
        workers?.length === bench.workers &&
        workers.every(({ pid, metrics_received }) => pid !== not && metrics_received > 0)
      )
    }
    for (let kill = 0; kill < kills; kill++) {
      await waitFor(allServe(undefined), 'all workers under load')
      await pause(pauseBeforeKillMs)
      const [victim] = ((await ask()) ?? []).sort((a, b) => b.uptime_seconds - a.uptime_seconds)
      if (victim === undefined) throw new Error('the collector has no workers')
      process.kill(victim.pid, 'SIGKILL')
      const killedAt = performance.now()
      await waitFor(allServe(victim.pid), 'the successor')
      samples.add('from SIGKILL of a worker to the first batch of its successor', 'ms', performance.now() - killedAt)
    }
    const { result } = await running
    return { figures: samples.figures, plots: [], notes: [`Answers over all: ${JSON.stringify(result.outcomes)}.`] }
  })
}

/** Posts a batch on a connection of its own: fetch would keep it open, and with it the worker that it found. */
function postAlone(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const post = request(url, { method: 'POST', agent: false }, (response) => {
      response.resume()
      response.once('end', resolve)
    })
    post.once('error', reject)
    post.end(JSON.stringify(batchOf(1)))
  })
}
