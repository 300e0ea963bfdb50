import type { ReadRecord } from '../../../lib/commands/topic-reader.js'
import { exportRequest } from '../../support/protobuf.js'
import type { Passed } from '../../support/recording-proxy.js'

type Point = Record<string, unknown> & {
  timeUnixNano: string
  attributes: { key: string; value: { stringValue?: string } }[]
}
type Data = { dataPoints: Point[] }
type Metric = Record<string, Data | string> & { name: string }
type Request = { resourceMetrics?: { scopeMetrics?: { metrics?: Metric[] }[] }[] }

/** What an exported point must be in the topic: its records by identity, with what is to be in each. */
export type Expected = Map<string, { value: string; histogram?: unknown }>

const type = exportRequest()

function decode({ contentType, body }: Passed): Request {
  if (contentType.includes('json')) return JSON.parse(body.toString())
  return type.toObject(type.decode(body), { longs: String, enums: Number, bytes: String })
}

function pointsOf(passed: Passed): { name: string; kind: string; point: Point }[] {
  const { resourceMetrics = [] } = decode(passed)
  const metrics = resourceMetrics.flatMap(({ scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) => metrics),
  )
  const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']
  return metrics.flatMap((metric) => {
    const kind = kinds.find((name) => metric[name] !== undefined) ?? ''
    const { dataPoints = [] } = Object(metric[kind])
    return dataPoints.map((point: Point) => ({ name: metric.name, kind, point }))
  })
}

/** How many points were answered 200, as an independent decoder counts them. */
export function countPoints(passed: readonly Passed[]): number {
  return passed.filter(({ status }) => status === 200).reduce((sum, request) => sum + pointsOf(request).length, 0)
}

/** What must be in the topic of the requests that were answered 200, as an independent decoder reads them. */
export function expectedOf(passed: readonly Passed[]): Expected {
  const expected: Expected = new Map()
  const add = (name: string, point: Point, value: unknown, histogram?: unknown) => {
    const identity = identityOf(name, Number(BigInt(point.timeUnixNano) / 1_000_000n), seriesOf(point))
    if (expected.has(identity)) throw new Error(`${identity} was exported twice`)
    expected.set(identity, { value: String(value), ...(histogram !== undefined && { histogram }) })
  }
  for (const request of passed) {
    if (request.status !== 200) continue
    for (const { name, kind, point } of pointsOf(request)) {
      if (kind === 'gauge' || kind === 'sum') {
        add(name, point, point.asInt ?? point.asDouble)
        continue
      }
      add(`${name}_count`, point, point.count, histogramOf(kind, point))
      if (point.sum !== undefined) add(`${name}_sum`, point, point.sum)
    }
  }
  return expected
}

/** Counts of the buckets, as numbers. */
function histogramOf(kind: string, point: Point): unknown {
  const numbers = (list: unknown) => (Array.isArray(list) ? list.map(Number) : [])
  if (kind === 'histogram') return { bounds: numbers(point.explicitBounds), counts: numbers(point.bucketCounts) }
  const { offset = 0, bucketCounts } = Object(point.positive)
  return { scale: Number(point.scale ?? 0), positive: { offset: Number(offset), counts: numbers(bucketCounts) } }
}

/** The same of the topic. Values are as they are written, so that no digit is lost. */
export function foundIn(records: readonly ReadRecord[]): { found: Expected; twice: string[] } {
  const found: Expected = new Map()
  const twice: string[] = []
  for (const { value: text } of records) {
    const { metric_name, timestamp, tags = {}, histogram } = JSON.parse(text)
    const [, value = ''] = /"value":([^,}]+)/.exec(text) ?? []
    const identity = identityOf(metric_name, timestamp, tags.series ?? '')
    if (found.has(identity)) twice.push(identity)
    found.set(identity, { value, ...(histogram !== undefined && { histogram: bucketsOf(histogram) }) })
  }
  return { found, twice }
}

function bucketsOf({ bounds, counts, scale, positive }: Record<string, unknown>): unknown {
  return bounds === undefined ? { scale, positive } : { bounds, counts }
}

function seriesOf({ attributes = [] }: Point): string {
  return attributes.find(({ key }) => key === 'series')?.value.stringValue ?? ''
}

function identityOf(name: string, timestampMs: number, series: string): string {
  return `${name} ${timestampMs} ${series}`
}
