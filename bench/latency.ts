// How long does a batch wait for its 202 when requests come at a constant rate, whether or not earlier ones are answered?

import { decode } from '../lib/load/histogram.js'
import { short } from '../lib/load/report.js'
import { type Bench, type Findings, type Plot, Samples, type Series } from './subject.js'
import { audit } from './topic.js'

const subjected = { env: { VANTAGE_KAFKA_COMPRESSION_TYPE: 'lz4' } }
/** Percentiles are drawn by how many nines they have. */
const drawn = [0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99]

export async function latency(bench: Bench): Promise<Findings> {
  const { quick, runs, seconds, report } = bench.options
  const samples = new Samples()
  const curves = new Map<string, Series>()
  const notes: string[] = []
  for (let run = 1; run <= runs; run++) {
    for (const metricsPerSecond of quick ? [10_000, 50_000] : [1000, 10_000, 50_000, 100_000, 200_000]) {
      const load = { metricsPerSecond, seconds: 2 * seconds }
      const { result, ledgers, topic } = await bench.measure(subjected, load)
      const name = `${short(metricsPerSecond)} metrics/s due, batches of 100, lz4`
      report(
        `${name}, run ${run} of ${runs}: p99 ${result.latencyMs?.p99?.toFixed(2) ?? `not told, ${result.objection}`}`,
      )
      if (result.objection !== null) notes.push(`${name}, run ${run}: no percentiles, since ${result.objection}.`)
      samples.addLatency(name, result)
      curves.set(name, curveOf(name, result.histogram))
      if (!bench.kafka.keepsAll || run > 1 || metricsPerSecond > 50_000) continue
      const { expected, missing, twice } = await audit(bench.kafka.bootstrap, topic, ledgers)
      notes.push(
        `${name}: of ${expected} metrics answered 202, ${missing} are missing in the topic, ${twice} there twice.`,
      )
    }
  }
  return { figures: samples.figures, plots: [plotOf([...curves.values()])], notes }
}

function curveOf(name: string, histogram: string): Series {
  const latencies = decode(histogram)
  return {
    name,
    points: drawn.map((percentile) => [`${percentile} %`, latencies.getValueAtPercentile(percentile) / 1000]),
  }
}

function plotOf(series: Series[]): Plot {
  return {
    title: 'Latency by percentile, counted from when a request was due',
    x: 'percentile',
    y: 'ms',
    scale: { x: 'category', y: 'log' },
    series,
  }
}
