// How many metrics a second do the brokers acknowledge, by batch size, compression, record format and workers?

import Kafka from 'node-rdkafka'
import { median } from './statistics.js'
import { type Bench, type Findings, type Plot, Samples, type Subjected } from './subject.js'

type Case = {
  batchSize: number
  compression: string
  format: 'metric' | 'ndjson'
  durability: 'kafka' | 'journal' | 'memory'
  connections: number
}

const base: Case = { batchSize: 100, compression: 'gzip', format: 'metric', durability: 'kafka', connections: 16 }
/** Beyond this 99th percentile a rate counts as too high for a collector. */
const maxP99Ms = 10
const searchSteps = 5

export async function throughput(bench: Bench): Promise<Findings> {
  const { quick, runs, report } = bench.options
  const samples = new Samples()
  const cases = casesFor(quick)
  // Case after case within a run, so that a slow minute of the machine meets all of them.
  for (let run = 1; run <= runs; run++) {
    for (const tried of cases) {
      const { result, cpuMicrosecondsPerMetric, yardstick } = await bench.measure(envOf(tried), tried)
      report(`${nameOf(tried)}, run ${run} of ${runs}: ${Math.round(result.metricsPerSecond)} metrics/s`)
      samples.add(`closed loop, ${nameOf(tried)}`, 'metrics/s', result.metricsPerSecond, yardstick)
      samples.add(`CPU a metric, ${nameOf(tried)}`, 'µs', cpuMicrosecondsPerMetric, yardstick)
    }
  }
  if (!quick) {
    for (const compression of ['gzip', 'lz4']) {
      const tried = { ...base, compression }
      const rate = await highestRate(bench, tried)
      report(`${nameOf(tried)}: ${Math.round(rate)} metrics/s with a p99 under ${maxP99Ms} ms`)
      samples.add(`open loop with p99 under ${maxP99Ms} ms, ${nameOf(tried)}`, 'metrics/s', rate)
    }
  }
  return { figures: samples.figures, plots: [plotOf(cases, samples)], notes: [] }
}

function casesFor(quick: boolean): Case[] {
  const sizes = quick ? [100, 1000] : [1, 10, 100, 1000]
  const bySize = sizes.flatMap((batchSize) =>
    ['gzip', 'lz4'].map((compression) => ({ ...base, batchSize, compression })),
  )
  if (quick) return [...bySize, { ...base, format: 'ndjson', compression: 'lz4' }]
  const others = ['none', 'snappy', ...(Kafka.features.includes('zstd') ? ['zstd'] : [])]
  const lines = [100, 1000].flatMap((batchSize) =>
    ['gzip', 'lz4'].flatMap((compression) =>
      [16, 64].map((connections): Case => ({ ...base, batchSize, compression, format: 'ndjson', connections })),
    ),
  )
  const durabilities = (['journal', 'memory'] as const).map((durability) => ({ ...base, durability }))
  return [...bySize, ...others.map((compression) => ({ ...base, compression })), ...lines, ...durabilities]
}

function nameOf({ batchSize, compression, format, connections, durability }: Case): string {
  return `batches of ${batchSize}, ${compression}, ${format}, ${connections} connections, durability ${durability}`
}

function envOf({ compression, format, durability }: Case): Subjected {
  return {
    env: {
      VANTAGE_KAFKA_COMPRESSION_TYPE: compression,
      VANTAGE_KAFKA_RECORD_FORMAT: format,
      VANTAGE_DURABILITY: durability,
    },
  }
}

/** Halves the interval between a rate that is kept and one that is not; 0 where none is kept. */
async function highestRate(bench: Bench, tried: Case): Promise<number> {
  const { result } = await bench.measure(envOf(tried), tried)
  let kept = 0
  let missed = result.metricsPerSecond
  for (let step = 0; step < searchSteps; step++) {
    const metricsPerSecond = (kept + missed) / 2
    const { result: open } = await bench.measure(envOf(tried), { ...tried, metricsPerSecond })
    if ((open.latencyMs?.p99 ?? Infinity) < maxP99Ms) kept = metricsPerSecond
    else missed = metricsPerSecond
  }
  return kept
}

function isPlotted({ connections, durability }: Case): boolean {
  return connections === base.connections && durability === base.durability
}

function plotOf(cases: Case[], samples: Samples): Plot {
  const kinds = [...new Set(cases.map(({ compression, format }) => `${compression}, ${format}`))]
  const rates = new Map(samples.figures.map((figure) => [figure.name, median(figure.samples)]))
  return {
    title: 'Acknowledged metrics a second by batch size',
    x: 'metrics in a batch',
    y: 'metrics/s',
    scale: { x: 'log', y: 'value' },
    series: kinds.map((kind) => ({
      name: kind,
      points: cases
        .filter((tried) => `${tried.compression}, ${tried.format}` === kind && isPlotted(tried))
        .map((tried) => [tried.batchSize, rates.get(`closed loop, ${nameOf(tried)}`) ?? 0]),
    })),
  }
}
