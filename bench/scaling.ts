// How does the rate grow with workers, and where does the CPU time of a metric go?

import { availableParallelism } from 'node:os'
import { profileStages } from './profile.js'
import { type Bench, type Findings, Samples } from './subject.js'

export async function scaling(bench: Bench): Promise<Findings> {
  const { runs, report } = bench.options
  const samples = new Samples()
  const counts = [1, 2, 4, 8, 16].filter((workers) => workers <= availableParallelism())
  for (let run = 1; run <= runs; run++) {
    for (const workers of counts) {
      const measurement = await bench.measure({ env: { VANTAGE_API_WORKERS: String(workers) } }, {})
      const { result, cpuMicrosecondsPerMetric, residentMiB, yardstick } = measurement
      report(`${workers} workers, run ${run} of ${runs}: ${Math.round(result.metricsPerSecond)} metrics/s`)
      samples.add(`${workers} workers, batches of 100, gzip: rate`, 'metrics/s', result.metricsPerSecond, yardstick)
      samples.add(`${workers} workers, batches of 100, gzip: CPU a metric`, 'µs', cpuMicrosecondsPerMetric, yardstick)
      samples.add(`${workers} workers and the primary: resident memory`, 'MiB', residentMiB)
    }
    for (const format of ['metric', 'ndjson']) {
      for (const [stage, microseconds] of await costByStage(bench, format)) {
        samples.add(`main thread of a worker, batches of 100, ${format}: ${stage}`, 'µs', microseconds)
      }
    }
  }
  return { figures: samples.figures, plots: [], notes: [] }
}

/** Microseconds a metric that each stage takes of one worker's main thread. librdkafka's threads are not in it. */
async function costByStage(bench: Bench, format: string): Promise<[stage: string, microseconds: number][]> {
  const env = { VANTAGE_API_WORKERS: '1', VANTAGE_KAFKA_RECORD_FORMAT: format }
  let metrics = NaN
  const sums = await profileStages(async (nodeArgs) => {
    metrics = (await bench.measure({ env, nodeArgs }, {})).acceptedMetrics
  })
  return [...sums].map(([stage, microseconds]) => [stage, microseconds / metrics])
}
