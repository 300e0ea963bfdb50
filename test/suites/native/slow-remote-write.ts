import { integerText, numberText } from '../../../lib/ingest/formats/otlp/values.js'
import { defaults, type Records, readingRequest } from './told-reading.js'

/** Requests as protobufjs gives them, of 1.0 and 2.0; 64-bit integers are strings. */
type Labelled = { labels?: { name?: string; value?: string }[]; labelsRefs?: number[] }
type Sample = { value?: number; timestamp?: string; startTimestamp?: string }
type Span = { offset?: number; length?: number }
export type Histogram = {
  countInt?: string
  countFloat?: number
  zeroCountInt?: string
  zeroCountFloat?: number
  sum?: number
  schema?: number
  zeroThreshold?: number
  positiveSpans?: Span[]
  positiveDeltas?: string[]
  positiveCounts?: number[]
  negativeSpans?: Span[]
  negativeDeltas?: string[]
  negativeCounts?: number[]
  customValues?: number[]
  timestamp?: string
  startTimestamp?: string
}
export type Exemplar = Labelled & Sample
export type Series = Labelled & {
  samples?: Sample[]
  histograms?: Histogram[]
  exemplars?: Exemplar[]
  metadata?: { type?: number; helpRef?: number; unitRef?: number }
  createdTimestamp?: string
}
export type WriteRequest = {
  timeseries?: Series[]
  symbols?: string[]
  metadata?: { type?: number; metricFamilyName?: string }[]
}

/** What a request says that refers to nothing. */
export class NoSuchSymbol extends Error {}

/** A record of a part: from the suffix of its name on. */
type Written = { suffix: string; type: string; value: string; histogram?: string; exemplars?: string; le?: string }
type Fate = { rejected: string } | { skipped: string } | { time: bigint; start: bigint; records: Written[] }

const unknownService = 'unknown_service'
const lastInstant = 8_640_000_000_000_000n
const customBounds = -53
const maxBuckets = 16384
const counter = 1
/** GAUGE, GAUGEHISTOGRAM, INFO, STATESET */
const gauges = [2, 4, 6, 7]

/**
 * Reads a request slowly, as a yardstick for the reader in C. Its values are sorted.
 *
 * @throws {NoSuchSymbol}
 */
export function readRemoteWrite(request: WriteRequest, buckets: boolean) {
  const found: Found = { received: 0, accepted: 0, values: [], services: [], rejections: {}, skips: {} }
  const families = new Map<string, number>()
  for (const { type = 0, metricFamilyName: name = '' } of request.metadata ?? [])
    if (name !== '' && type > 0 && type <= 7) families.set(name, type)
  for (const series of request.timeseries ?? []) readSeries(series, request.symbols ?? [], families, buckets, found)
  return { ...found, values: found.values.sort() }
}

type Found = Pick<Records, 'received' | 'accepted' | 'values' | 'services' | 'rejections' | 'skips'>

function readSeries(
  series: Series,
  symbols: readonly string[],
  families: ReadonlyMap<string, number>,
  buckets: boolean,
  found: Found,
): void {
  const labels = labelsOf(series, symbols)
  const first = (name: string) => labels.find(([other]) => other === name)?.[1]
  const tags = new Map<string, string>()
  for (const [name, value] of labels)
    if (name !== '__name__' && name !== 'job' && !tags.has(name)) tags.set(name, value)
  const name = first('__name__') ?? ''
  const job = first('job') ?? unknownService
  const { type = 0, helpRef, unitRef } = series.metadata ?? {}
  const help = helpRef === undefined ? '' : symbolAt(symbols, helpRef)
  const unit = unitRef === undefined ? '' : symbolAt(symbols, unitRef)
  const service = lengthOf(job) > 255 ? unknownService : job
  const fault = lengthOf(job) > 255 ? 'service_name.maxLength' : nameFault(name)
  const known = found.services.find(([other]) => other === service)
  if (known === undefined) found.services.push([service, 0])
  const created = BigInt(series.createdTimestamp ?? 0)
  const sampleType = typeText(name, series.labelsRefs === undefined ? familyType(name, families) : type)
  const { environment, agentVersion } = defaults
  const common = [
    `,"environment":"${environment}","agent_version":"${agentVersion}"`,
    unit === '' ? '' : `,"unit":${JSON.stringify(unit)}`,
    help === '' || lengthOf(help) > 1000 ? '' : `,"help":${JSON.stringify(help)}`,
  ].join('')
  const fates = [
    ...(series.samples ?? []).map((sample) => sampleFate(sample, created, sampleType)),
    ...(series.histograms ?? []).map((histogram) => histogramFate(histogram, created, buckets)),
    ...(series.exemplars ?? []).map((exemplar) => exemplarFate(exemplar, labelsOf(exemplar, symbols))),
  ]
  for (const fate of fates) {
    found.received++
    const own = found.services.find(([other]) => other === service)
    if (own !== undefined) own[1]++
    if (fault !== undefined) count(found.rejections, fault)
    else if ('rejected' in fate) count(found.rejections, fate.rejected)
    else if ('skipped' in fate) count(found.skips, fate.skipped)
    else {
      found.accepted++
      const start = fate.start > 0n ? `,"start_timestamp":${fate.start}` : ''
      for (const { suffix, type, value, histogram, exemplars = '', le } of fate.records) {
        const begin = `{"timestamp":${fate.time},"service_name":${JSON.stringify(service)},"metric_name":${JSON.stringify(name + suffix)}`
        const all = le === undefined ? [...tags] : [['le', le] as const, ...[...tags].filter(([name]) => name !== 'le')]
        found.values.push(
          `${begin},"metric_type":"${type}","value":${value}${histogram === undefined ? '' : `,"histogram":${histogram}`}${tagsText(all)}${common}${start}${exemplars}${readingRequest.suffix}}`,
        )
      }
    }
  }
}

function nameFault(name: string): string | undefined {
  if (name === '') return 'metric_name.minLength'
  return lengthOf(name) > 246 ? 'metric_name.maxLength' : undefined
}

function labelsOf({ labels, labelsRefs = [] }: Labelled, symbols: readonly string[]): [string, string][] {
  if (labelsRefs.length % 2 !== 0) throw new NoSuchSymbol()
  const pairs = labels?.map(({ name = '', value = '' }): [string, string] => [name, value]) ?? []
  for (let n = 0; n < labelsRefs.length; n += 2)
    pairs.push([symbolAt(symbols, labelsRefs[n] ?? 0), symbolAt(symbols, labelsRefs[n + 1] ?? 0)])
  return pairs.filter(([, value]) => value !== '')
}

function symbolAt(symbols: readonly string[], n: number): string {
  const symbol = symbols[n]
  if (symbol === undefined) throw new NoSuchSymbol()
  return symbol
}

function familyType(name: string, families: ReadonlyMap<string, number>): number {
  for (const suffix of ['', '_total', '_bucket', '_count', '_sum']) {
    const type = name.endsWith(suffix) ? families.get(name.slice(0, name.length - suffix.length)) : undefined
    if (type !== undefined) return type
  }
  return 0
}

function typeText(name: string, type: number): string {
  if (type === counter) return 'counter'
  return !gauges.includes(type) && /_(?:total|count|sum|bucket)$/.test(name) ? 'counter' : 'gauge'
}

function tagsText(tags: readonly (readonly [string, string])[]): string {
  const members = tags.map(([name, text]) => `${JSON.stringify(name)}:${JSON.stringify(text)}`)
  return members.length === 0 ? '' : `,"tags":{${members}}`
}

function sampleFate({ value = 0, timestamp = '0', startTimestamp }: Sample, created: bigint, type: string): Fate {
  const time = BigInt(timestamp)
  const fault = isStale(value) ? { skipped: 'stale' } : timeFault(time)
  if (fault !== undefined) return fault
  if (!Number.isFinite(value)) return { skipped: 'not_finite' }
  const start = startTimestamp === undefined ? created : BigInt(startTimestamp)
  return { time, start, records: [{ suffix: '', type, value: numberText(value) }] }
}

function exemplarFate({ value = 0, timestamp = '0' }: Exemplar, labels: readonly [string, string][]): Fate {
  const fate = sampleFate({ value, timestamp }, 0n, 'gauge')
  if (!('records' in fate)) return fate
  const tags = new Map<string, string>()
  for (const [name, text] of labels) if (!tags.has(name)) tags.set(name, text)
  const exemplars = `,"exemplars":[{"timestamp":${fate.time},"value":${numberText(value)}${tagsText([...tags])}}]`
  return { ...fate, records: [{ suffix: '_exemplar', type: 'gauge', value: numberText(value), exemplars }] }
}

function histogramFate(histogram: Histogram, created: bigint, buckets: boolean): Fate {
  const { sum = 0, timestamp = '0', startTimestamp } = histogram
  const time = BigInt(timestamp)
  const fault = isStale(sum) ? { skipped: 'stale' } : timeFault(time)
  if (fault !== undefined) return fault
  const distribution = distributionOf(histogram)
  if (distribution === undefined) return { rejected: 'histogram.bounds' }
  const records: Written[] = [
    { suffix: '_count', type: 'histogram', value: distribution.count, histogram: distribution.member },
  ]
  if (Number.isFinite(sum)) records.push({ suffix: '_sum', type: 'counter', value: numberText(sum) })
  if (buckets)
    for (const [le, below] of distribution.buckets())
      records.push({ suffix: '_bucket', type: 'counter', value: numberText(below), le })
  return { time, start: startTimestamp === undefined ? created : BigInt(startTimestamp), records }
}

type Count = bigint | number
type Side = { first: number; counts: Count[] }

function countText(count: Count): string {
  return typeof count === 'bigint' ? integerText(count) : numberText(count)
}

function distributionOf(histogram: Histogram) {
  const { sum = 0, schema = 0, zeroThreshold = 0, customValues: bounds = [] } = histogram
  const isFloat = histogram.countFloat !== undefined
  const count: Count = histogram.countFloat ?? BigInt(histogram.countInt ?? 0)
  const zeroCount: Count = histogram.zeroCountFloat ?? BigInt(histogram.zeroCountInt ?? 0)
  if (![count, zeroCount].every((value) => Number.isFinite(Number(value)))) return undefined
  const { positiveSpans, positiveDeltas, positiveCounts, negativeSpans, negativeDeltas, negativeCounts } = histogram
  const positive = sideOf(positiveSpans, isFloat ? positiveCounts : positiveDeltas, isFloat)
  const sumText = Number.isFinite(sum) ? `,"sum":${numberText(sum)}` : ''
  const begin = `{"count":${countText(count)}${sumText}`
  const last: [string, number] = ['+Inf', Number(count)]
  if (positive === undefined) return undefined
  if (schema === customBounds) {
    const counts = denseCounts(positive, bounds)
    if (counts === undefined) return undefined
    const member = `${begin},"bounds":[${bounds.map(numberText)}],"counts":[${counts.map(countText)}]}`
    const buckets = () => [...cumulative(bounds.map(numberText), counts), last]
    return { count: countText(count), member, buckets }
  }
  const negative = sideOf(negativeSpans, isFloat ? negativeCounts : negativeDeltas, isFloat)
  if (negative === undefined) return undefined
  const threshold = Number.isFinite(zeroThreshold) ? zeroThreshold : 0
  const member = [
    `${begin},"scale":${schema},"zero_count":${countText(zeroCount)}`,
    threshold === 0 ? '' : `,"zero_threshold":${numberText(threshold)}`,
    sideText('positive', positive),
    sideText('negative', negative),
  ].join('')
  const buckets = () => {
    const below = negative.counts.map((_, n) => -power(schema, negative.first + n - 1)).reverse()
    const above = positive.counts.map((_, n) => power(schema, positive.first + n))
    const texts = [...below, threshold, ...above].map(boundText)
    return [...cumulative(texts, [...negative.counts.toReversed(), zeroCount, ...positive.counts]), last]
  }
  return { count: countText(count), member: `${member}}`, buckets }
}

function sideText(name: string, { first, counts }: Side): string {
  return counts.length === 0 ? '' : `,"${name}":{"offset":${first - 1},"counts":[${counts.map(countText)}]}`
}

/** A count a bucket, or undefined where spans and counts do not belong together. */
function sideOf(
  spans: readonly Span[] = [],
  sent: readonly (string | number)[] = [],
  isFloat: boolean,
): Side | undefined {
  const counts: Count[] = []
  let before = 0n
  let n = 0
  for (const [i, { offset = 0, length = 0 }] of spans.entries()) {
    const gap = i === 0 ? 0 : offset
    if (gap < 0 || gap + length > maxBuckets - counts.length || length > sent.length - n) return undefined
    for (let empty = 0; empty < gap; empty++) counts.push(isFloat ? 0 : 0n)
    for (const end = n + length; n < end; n++) {
      if (isFloat) {
        const count = Number(sent[n])
        if (!Number.isFinite(count) || count < 0) return undefined
        counts.push(count)
      } else {
        before += BigInt(sent[n] ?? 0)
        if (before < 0n || before >= 2n ** 63n) return undefined
        counts.push(before)
      }
    }
  }
  return n === sent.length ? { first: spans[0]?.offset ?? 0, counts } : undefined
}

/** Those of custom bounds, the empty ones included. */
function denseCounts({ first, counts }: Side, bounds: readonly number[]): Count[] | undefined {
  const ascend = bounds.every((bound, n) => Number.isFinite(bound) && bound > (bounds[n - 1] ?? -Infinity))
  if (!ascend) return undefined
  const start = counts.length === 0 ? 0 : first
  if (start < 0 || start + counts.length > bounds.length + 1) return undefined
  return Array.from({ length: bounds.length + 1 }, (_, n) => counts[n - start] ?? 0n)
}

function cumulative(bounds: readonly string[], counts: readonly Count[]): [string, number][] {
  let below = 0
  return bounds.flatMap((bound, n): [string, number][] => {
    below += Number(counts[n] ?? 0)
    return bound === '' ? [] : [[bound, below]]
  })
}

function power(scale: number, index: number): number {
  return index === 0 ? 1 : 2 ** (index * 2 ** -scale)
}

function boundText(bound: number): string {
  return Number.isFinite(bound) ? numberText(Number(bound.toPrecision(12))) : ''
}

/** NaN with which Prometheus says that a series has ended. */
function isStale(value: number): boolean {
  const bits = Buffer.alloc(8)
  bits.writeDoubleLE(value)
  return bits.readBigUInt64LE() === 0x7ff0000000000002n
}

function timeFault(time: bigint): { rejected: string } | undefined {
  if (time < 0n) return { rejected: 'timestamp.minimum' }
  if (time > lastInstant) return { rejected: 'timestamp.maximum' }
  if (time < BigInt(readingRequest.oldest)) return { rejected: 'timestamp.age' }
  return time > BigInt(readingRequest.newest) ? { rejected: 'timestamp.future' } : undefined
}

function lengthOf(text: string): number {
  return [...text].length
}

function count(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1
}
