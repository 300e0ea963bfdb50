import { isDeepStrictEqual } from 'node:util'
import { split } from '../../../lib/ingest/formats/vantage/split.js'
import { createCases } from './cases.js'

/** Differential: for every body that JSON.parse takes, the slices that split finds must parse to its metrics. */
export function fuzzSplit(random: () => number, untilMs: number): { bodies: number; parsed: number; wrong: string[] } {
  const next = createCases(random)
  const wrong: string[] = []
  let bodies = 0
  let parsed = 0
  while (performance.now() < untilMs) {
    const { bytes, kind } = next()
    if (kind.startsWith('malformed') || kind.includes('gzip')) continue
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
    bodies++
    const metrics = parseMetrics(body)
    if (metrics === undefined) continue
    parsed++
    const ranges = split(body, metrics.length)
    const slices = metrics.map((_, n) => JSON.parse(body.subarray(ranges[2 * n], ranges[2 * n + 1]).toString()))
    if (!isDeepStrictEqual(slices, metrics) && wrong.length < 10) wrong.push(body.toString('latin1'))
  }
  return { bodies, parsed, wrong }
}

function parseMetrics(body: Buffer): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    if (typeof value !== 'object' || value === null || !('metrics' in value)) return undefined
    return Array.isArray(value.metrics) ? value.metrics : undefined
  } catch {
    return undefined
  }
}
