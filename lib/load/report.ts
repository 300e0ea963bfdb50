import type { Thresholds } from './command-line.js'
import type { LoadResult, Sample } from './load.js'

/** A result in a few lines for a terminal. */
export function describe({ options, metricsPerSecond, outcomes, latencyMs, objection, generator }: LoadResult): string {
  const { seconds, batchSize, connections } = options
  const asked =
    options.metricsPerSecond === null ? 'as fast as it goes' : `${short(options.metricsPerSecond)} metrics/s due`
  const answers = Object.entries(outcomes).map(([label, count]) => `${count} x ${label}`)
  const latency = Object.entries(latencyMs ?? {}).map(([name, ms]) => `${name} ${ms.toFixed(2)}`)
  return [
    `${seconds} s, batches of ${batchSize}, ${connections} connections, ${asked}`,
    `accepted  ${short(metricsPerSecond)} metrics/s`,
    `answers   ${answers.join(', ') || 'none'}`,
    objection === null ? `latency   ${latency.join(', ')} ms` : `latency   not told: ${objection}`,
    `generator 1 % of requests sent ${generator.lagP99Ms.toFixed(2)} ms late or more, busy ${Math.round(100 * generator.utilization)} %`,
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** One second of a run, in one line. */
export function describeSample({ second, metricsPerSecond, p50Ms, p99Ms, maxMs }: Sample, seconds: number): string {
  return `${second} of ${seconds} s: ${short(metricsPerSecond)} metrics/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)}, max ${maxMs.toFixed(1)} ms`
}

/** A line for each threshold that the result misses. */
export function missed({ metricsPerSecond, outcomes, latencyMs }: LoadResult, thresholds: Thresholds): string[] {
  const counts = Object.entries(outcomes)
  const all = counts.reduce((sum, [, count]) => sum + count, 0)
  const good = counts.reduce((sum, [label, count]) => sum + (label.startsWith('2') ? count : 0), 0)
  const failures = all === 0 ? 1 : (all - good) / all
  const p99Ms = latencyMs?.p99 ?? Infinity
  const { maxP99Ms, minRate, maxFailures } = thresholds
  return [
    ...(p99Ms > maxP99Ms ? [`p99 is ${p99Ms.toFixed(2)} ms, above ${maxP99Ms}`] : []),
    ...(metricsPerSecond < minRate ? [`${short(metricsPerSecond)} metrics/s, fewer than ${short(minRate)}`] : []),
    ...(failures > maxFailures ? [`${(100 * failures).toFixed(2)} % of the answers are no 2xx`] : []),
  ]
}

/** 254321 is "254 k". */
export function short(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toPrecision(3)} M`
  return rate >= 1e3 ? `${(rate / 1e3).toPrecision(3)} k` : rate.toPrecision(3)
}
