// What do ten thousand clients that are idle or slow cost a fleet that is honest?

import { fork } from 'node:child_process'
import { type LoadResult, runLoad } from '../lib/load/load.js'
import { defaultLoad } from '../lib/load/options.js'
import { short } from '../lib/load/report.js'
import { waitFor } from '../tools/wait-for.js'
import type { SlowFleet } from './slow-fleet.js'
import { type Bench, type Findings, Samples } from './subject.js'
import { usageOf } from './usage.js'

const metricsPerSecond = 50_000
/** So many that more than 10,000 of them are connected on average: the others have been turned away, and come again. */
const manySlowClients = 13_000
const connectedShare = 10_000 / manySlowClients
const connectTimeoutMs = 60_000
/** They stand for other machines: what their process costs is to take nothing from the collector, in none of its threads. */
const leastOfAll = ['-n', '19', process.execPath, '--single-threaded-gc']

/** Measures a fleet alone and then, on the same collector, beside the slow clients. */
export async function slowClients(bench: Bench): Promise<Findings> {
  const { quick, runs, seconds } = bench.options
  const connections = quick ? 2000 : manySlowClients
  const samples = new Samples()
  const notes: string[] = []
  for (let run = 1; run <= runs; run++) {
    await bench.withCollector({ env: {} }, async ({ collector }) => {
      const fleet = { ...defaultLoad, url: `${collector.url}/v1/metrics`, connections: 64, metricsPerSecond, seconds }
      const measure = async (where: string): Promise<LoadResult> => {
        const { result } = await runLoad(fleet)
        const name = `${short(metricsPerSecond)} metrics/s due, ${where}`
        samples.addLatency(name, result, ['p50', 'p99'])
        if (result.objection !== null) notes.push(`${name}, run ${run}: no percentiles, since ${result.objection}.`)
        const { residentMiB } = usageOf(collector.process.pid ?? 0)
        samples.add(`resident memory, primary and workers, ${where}`, 'MiB', residentMiB)
        bench.options.report(`${name}, run ${run} of ${runs}: p99 ${result.latencyMs?.p99?.toFixed(2) ?? 'not told'}`)
        return result
      }
      const alone = await measure('alone')
      const { hostname: host, port } = new URL(collector.url)
      const slow = await connectSlowly({ host, port: Number(port), connections })
      try {
        const beside = await measure(`beside ${short(connections)} slow clients`)
        notes.push(
          `Run ${run}: ${describe(alone, beside)}; ${slow.fewest()} to ${slow.most()} slow clients were connected, ${slow.mean()} on average.`,
        )
      } finally {
        slow.end()
      }
    })
  }
  return { figures: samples.figures, plots: [], notes }
}

/** Resolves when the slow clients are there; tells how many of them have been since. */
async function connectSlowly(fleet: SlowFleet) {
  const child = fork(new URL('slow-fleet.js', import.meta.url), { execPath: 'nice', execArgv: leastOfAll })
  const end = () => void child.kill('SIGKILL')
  let counts: number[] = []
  child.on('message', (count: number) => void counts.push(count))
  child.send(fleet)
  const enough = () => (counts.at(-1) ?? 0) >= connectedShare * fleet.connections
  try {
    await waitFor(enough, 'the slow clients', connectTimeoutMs)
  } catch (error) {
    end()
    throw error
  }
  counts = counts.slice(-1)
  return {
    fewest: () => Math.min(...counts),
    most: () => Math.max(...counts),
    mean: () => Math.round(counts.reduce((sum, count) => sum + count, 0) / counts.length),
    end,
  }
}

function describe(alone: LoadResult, beside: LoadResult): string {
  const [before, after] = [alone.latencyMs?.p99, beside.latencyMs?.p99]
  const ratio = before === undefined || after === undefined ? 'not told' : `${(after / before).toFixed(2)} times`
  return `p99 ${ratio}; answers alone ${JSON.stringify(alone.outcomes)}, beside them ${JSON.stringify(beside.outcomes)}`
}
