import type { FaultReason } from './faults.js'
import { type Distribution, explicitDistribution, exponentialDistribution } from './histograms.js'
import { doubleAt, integerAt, isTrueAt, type Message, messagesAt } from './message.js'
import { integerText, numberText } from './values.js'

/** What of a record is its own: a point of some kinds makes several. */
export type Part = {
  /** Behind the metric's name. */
  suffix: string
  type: 'counter' | 'gauge' | 'histogram'
  /** As JSON. */
  value: string
  /** A tag that comes before the point's own. */
  tag?: readonly [name: string, text: string]
  /** As JSON. */
  histogram?: string
}

/** Why a valid point has no value to store. */
export type Skip = 'no_recorded_value' | 'not_finite'

/** The records of one point, the reason to skip it, or what is wrong with it. */
export type Parts = readonly Part[] | { skip: Skip } | { fault: FaultReason }

export type Kind = {
  /** The longest of the suffixes that its records may have. */
  longestSuffix: string
  partsOf: (point: Message, data: Message) => Parts
}

/** The kinds of data a metric may have, by the member that it is in. @param buckets whether histograms have records of buckets, too */
export function createKinds(buckets: boolean): Readonly<Record<string, Kind>> {
  const several = { longestSuffix: '_bucket' }
  return {
    gauge: { longestSuffix: '', partsOf: (point) => numberParts(point, 'gauge') },
    sum: {
      longestSuffix: '',
      partsOf: (point, data) => numberParts(point, isTrueAt(data, 'isMonotonic') ? 'counter' : 'gauge'),
    },
    histogram: {
      ...several,
      partsOf(point) {
        const distribution = explicitDistribution(point)
        return distribution === undefined ? { fault: 'histogram.bounds' } : histogramParts(point, distribution, buckets)
      },
    },
    exponentialHistogram: {
      ...several,
      partsOf: (point) => histogramParts(point, exponentialDistribution(point), buckets),
    },
    summary: { ...several, partsOf: summaryParts },
  }
}

function numberParts(point: Message, type: 'counter' | 'gauge'): Parts {
  if (point.asInt != null) return [{ suffix: '', type, value: integerText(integerAt(point, 'asInt', true)) }]
  const value = doubleAt(point, 'asDouble')
  if (value === undefined) return { skip: 'no_recorded_value' }
  return Number.isFinite(value) ? [{ suffix: '', type, value: numberText(value) }] : { skip: 'not_finite' }
}

function histogramParts(point: Message, { member, buckets }: Distribution, withBuckets: boolean): Part[] {
  const value = integerText(integerAt(point, 'count'))
  const parts: Part[] = [{ suffix: '_count', type: 'histogram', value, histogram: member }, ...sumParts(point)]
  if (!withBuckets) return parts
  const ofBuckets = buckets().map(
    ([bound, count]): Part => ({
      suffix: '_bucket',
      type: 'counter',
      value: integerText(count),
      tag: ['le', bound],
    }),
  )
  return [...parts, ...ofBuckets]
}

function summaryParts(point: Message): Part[] {
  const count: Part = { suffix: '_count', type: 'counter', value: integerText(integerAt(point, 'count')) }
  const quantiles = messagesAt(point, 'quantileValues').flatMap((at): Part[] => {
    const quantile = doubleAt(at, 'quantile') ?? 0
    const value = doubleAt(at, 'value') ?? 0
    if (!Number.isFinite(quantile) || !Number.isFinite(value)) return []
    return [{ suffix: '', type: 'gauge', value: numberText(value), tag: ['quantile', numberText(quantile)] }]
  })
  return [count, ...sumParts(point, 0), ...quantiles]
}

function sumParts(point: Message, absent?: number): Part[] {
  const sum = doubleAt(point, 'sum') ?? absent
  if (sum === undefined || !Number.isFinite(sum)) return []
  return [{ suffix: '_sum', type: 'counter', value: numberText(sum) }]
}
