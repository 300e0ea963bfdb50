// Is this collector faster or slower than another build, or than itself on another Node? Both run, and are loaded, at the same time.

import type { LoadOptions } from '../lib/load/options.js'
import { median } from './statistics.js'
import { type Bench, type Findings, Samples, type ServerMeasurement } from './subject.js'

type Case = { name: string; load: Partial<LoadOptions> }
type Side = 'this' | 'other'

/** One process of senders a side, so that both have the same part of the machine. */
const cases: Case[] = [
  { name: 'batches of 100, 16 connections', load: { processes: 1 } },
  { name: 'batches of 1, 64 connections', load: { processes: 1, batchSize: 1, connections: 64 } },
  { name: 'batches of 100, 40 k metrics/s due', load: { processes: 1, metricsPerSecond: 40_000 } },
]

/**
 * Measured in turn, two builds differ by what the machine did meanwhile: by a fifth and more where it is shared. Measured at the same
 * time, they share whatever happens.
 */
export async function sideBySide(bench: Bench): Promise<Findings> {
  const { other, runs, report } = bench.options
  if (other === undefined) return { figures: [], plots: [], notes: ['Not run: --other names no command.'] }
  const samples = new Samples()
  const ratios = new Map<string, number[]>()
  for (let run = 1; run <= runs; run++) {
    await bench.withCollector({ env: {} }, (mine) =>
      bench.withCollector({ env: {}, command: other }, async (its) => {
        for (const { name, load } of cases) {
          const [measured, compared] = await Promise.all([
            bench.measureRunning(mine.collector, load),
            bench.measureRunning(its.collector, load),
          ])
          const found = { this: figuresOf(measured, load), other: figuresOf(compared, load) }
          for (const figure of Object.keys(found.this) as FigureName[]) {
            addSamples(samples, `${figure}, ${name}`, figure, found)
            const key = `${figure}, ${name}`
            ratios.set(key, [...(ratios.get(key) ?? []), (found.this[figure] ?? NaN) / (found.other[figure] ?? NaN)])
          }
          report(`${name}, run ${run} of ${runs}: ${describe(found)}`)
        }
      }),
    )
  }
  return { figures: samples.figures, plots: [], notes: [...ratios].map(([key, values]) => noteOf(key, values)) }
}

type FigureName = 'rate' | 'CPU a metric' | 'p50' | 'p99'
type Figures = Partial<Record<FigureName, number>>
const units = { rate: 'metrics/s', 'CPU a metric': 'µs', p50: 'ms', p99: 'ms' } as const

/** Of a closed loop, latency tells nothing; of an open one, the rate. */
function figuresOf({ result, cpuMicrosecondsPerMetric }: ServerMeasurement, load: Partial<LoadOptions>): Figures {
  const cpu = { 'CPU a metric': cpuMicrosecondsPerMetric }
  if (load.metricsPerSecond === undefined) return { rate: result.metricsPerSecond, ...cpu }
  return { ...cpu, p50: result.latencyMs?.p50 ?? NaN, p99: result.latencyMs?.p99 ?? NaN }
}

function addSamples(samples: Samples, name: string, figure: FigureName, found: Record<Side, Figures>): void {
  for (const side of ['this', 'other'] as const)
    samples.add(`${side}: ${name}`, units[figure], found[side][figure] ?? NaN)
}

function describe(found: Record<Side, Figures>): string {
  return (Object.keys(found.this) as FigureName[])
    .map((figure) => `${figure} ${found.this[figure]?.toPrecision(3)} and ${found.other[figure]?.toPrecision(3)}`)
    .join(', ')
}

function noteOf(key: string, ratios: number[]): string {
  const [least, middle, most] = [Math.min(...ratios), median(ratios), Math.max(...ratios)].map((n) => n.toFixed(3))
  return `${key}: this is ${middle} of the other (${least} to ${most}).`
}
