import { doubleAt, doublesAt, integerAt, integersAt, type Message, messageAt } from './message.js'
import { integerText, numberText } from './values.js'

/** The members `sum`, `min` and `max` that a point has, where they are finite. */
function summaryOf(point: Message): string[] {
  return ['sum', 'min', 'max'].flatMap((name) => {
    const value = doubleAt(point, name)
    return value === undefined || !Number.isFinite(value) ? [] : [`"${name}":${numberText(value)}`]
  })
}

/** A bound and how many values lie at it or below. */
export type Bucket = readonly [bound: string, count: bigint]

/** What a histogram has counted: as the member `histogram` of its record, and as cumulative buckets. */
export type Distribution = { member: string; buckets: () => Bucket[] }

/** Undefined where bounds and counts do not belong together, or the bounds are not ascending and finite. */
export function explicitDistribution(point: Message): Distribution | undefined {
  const bounds = doublesAt(point, 'explicitBounds')
  const counts = integersAt(point, 'bucketCounts')
  const isEmpty = bounds.length === 0 && counts.length === 0
  if (!isEmpty && counts.length !== bounds.length + 1) return undefined
  if (!bounds.every((bound, n) => Number.isFinite(bound) && bound > (bounds[n - 1] ?? -Infinity))) return undefined
  const count = integerAt(point, 'count')
  const members = [`"count":${integerText(count)}`, ...summaryOf(point)]
  if (!isEmpty) members.push(`"bounds":[${bounds.map(numberText)}]`, `"counts":[${counts.map(integerText)}]`)
  return {
    member: `{${members}}`,
    buckets: () => [...cumulative(bounds.map(numberText), counts), infinite(count)],
  }
}

/** bucketCounts[n] lies between base^(offset + n) and base^(offset + n + 1), the latter included; base is 2^(2^-scale). */
type Side = { offset: number; counts: bigint[] }

export function exponentialDistribution(point: Message): Distribution {
  const count = integerAt(point, 'count')
  const scale = Number(integerAt(point, 'scale', true))
  const zeroCount = integerAt(point, 'zeroCount')
  const zeroThreshold = doubleAt(point, 'zeroThreshold') ?? 0
  const hasThreshold = zeroThreshold !== 0 && Number.isFinite(zeroThreshold)
  const positive = sideOf(point, 'positive')
  const negative = sideOf(point, 'negative')
  const members = [
    `"count":${integerText(count)}`,
    ...summaryOf(point),
    `"scale":${scale}`,
    `"zero_count":${integerText(zeroCount)}`,
    ...(hasThreshold ? [`"zero_threshold":${numberText(zeroThreshold)}`] : []),
    ...sideMember('positive', positive),
    ...sideMember('negative', negative),
  ]
  const buckets = () => {
    const below = negative.counts.map((_, n) => -power(scale, negative.offset + n)).reverse()
    const above = positive.counts.map((_, n) => power(scale, positive.offset + n + 1))
    const bounds = [...below, hasThreshold ? zeroThreshold : 0, ...above].map(boundText)
    const counts = [...negative.counts.toReversed(), zeroCount, ...positive.counts]
    return [...cumulative(bounds, counts), infinite(count)]
  }
  return { member: `{${members}}`, buckets }
}

function sideOf(point: Message, name: string): Side {
  const side = messageAt(point, name)
  if (side === undefined) return { offset: 0, counts: [] }
  return { offset: Number(integerAt(side, 'offset', true)), counts: integersAt(side, 'bucketCounts') }
}

function sideMember(name: string, { offset, counts }: Side): string[] {
  return counts.length === 0 ? [] : [`"${name}":{"offset":${offset},"counts":[${counts.map(integerText)}]}`]
}

function power(scale: number, index: number): number {
  return index === 0 ? 1 : 2 ** (index * 2 ** -scale)
}

/** With so many digits, whatever computes a bound comes to the same text. */
const boundDigits = 12

function boundText(bound: number): string {
  return Number.isFinite(bound) ? numberText(Number(bound.toPrecision(boundDigits))) : ''
}

/** Bounds that are no number are left out: what lies there is in the next one. */
function cumulative(bounds: readonly string[], counts: readonly bigint[]): Bucket[] {
  let below = 0n
  const buckets: Bucket[] = []
  for (const [n, bound] of bounds.entries()) {
    below += counts[n] ?? 0n
    if (bound !== '') buckets.push([bound, below])
  }
  return buckets
}

function infinite(count: bigint): Bucket {
  return ['+Inf', count]
}
