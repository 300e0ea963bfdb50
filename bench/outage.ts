// What does a broker that stops answering do to rate, latency and memory, and how soon is all well again?

import { setTimeout as pause } from 'node:timers/promises'
import { runLoad } from './load/load.js'
import { defaultLoad } from './load/options.js'
import { type Bench, type Findings, Samples } from './subject.js'
import { usageOf } from './usage.js'

const metricsPerSecond = 20_000
const memoryIntervalMs = 500

export async function outage(bench: Bench): Promise<Findings> {
  const { kafka, options } = bench
  if (kafka.outage === undefined) return { figures: [], plots: [], notes: ['Not run: the broker is not ours to stop.'] }
  const { begin, end } = kafka.outage
  const phaseSeconds = options.quick ? 4 : 20
  const samples = new Samples()
  const notes: string[] = []
  return bench.withCollector({ env: {} }, async ({ collector }) => {
    const memory: [number, number][] = []
    const startedAt = performance.now()
    const sampler = setInterval(() => {
      const { residentMiB } = usageOf(collector.process.pid ?? 0)
      memory.push([(performance.now() - startedAt) / 1000, residentMiB])
    }, memoryIntervalMs)
    const load = { ...defaultLoad, url: `${collector.url}/v1/metrics`, connections: 64, warmUpSeconds: 0 }
    const running = runLoad({ ...load, metricsPerSecond, seconds: 3 * phaseSeconds })
    await pause(1000 * phaseSeconds)
    begin()
    options.report('the broker is stopped')
    await pause(1000 * phaseSeconds)
    end()
    options.report('the broker goes on')
    const { result } = await running
    clearInterval(sampler)
    const duringOutage = ({ second }: { second: number }) => second > phaseSeconds && second <= 2 * phaseSeconds
    const recovered = result.timeline.find(
      (sample) => sample.second > 2 * phaseSeconds && sample.metricsPerSecond > 0.9 * metricsPerSecond,
    )
    const during = result.timeline.filter(duringOutage)
    samples.add(
      'accepted while the broker is stopped',
      'metrics/s',
      mean(during.map((sample) => sample.metricsPerSecond)),
    )
    samples.add(
      'longest wait for an answer while the broker is stopped',
      'ms',
      Math.max(...during.map(({ maxMs }) => maxMs)),
    )
    samples.add(
      'most resident memory, primary and workers',
      'MiB',
      Math.max(...memory.map(([, mebibytes]) => mebibytes)),
    )
    notes.push(`Answers over all: ${JSON.stringify(result.outcomes)}.`)
    notes.push(
      recovered === undefined
        ? 'The rate was not back at the end.'
        : `The rate was back ${recovered.second - 2 * phaseSeconds} s after the broker.`,
    )
    const title = `${metricsPerSecond} metrics/s due; the broker is stopped from ${phaseSeconds} s to ${2 * phaseSeconds} s`
    const scale = { x: 'value', y: 'value' } as const
    return {
      figures: samples.figures,
      notes,
      plots: [
        {
          title,
          x: 's',
          y: 'metrics/s',
          scale,
          series: [
            { name: 'accepted', points: result.timeline.map((s): [number, number] => [s.second, s.metricsPerSecond]) },
          ],
        },
        { title, x: 's', y: 'MiB', scale, series: [{ name: 'resident memory', points: memory }] },
      ],
    }
  })
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
