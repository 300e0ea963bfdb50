/**
 * What a histogram counts in plain numbers, so that it travels and adds up like any counter: how many observations lie
 * in each bucket, those above the last bound behind them, and at the end the sum of all observations.
 */
export type HistogramCounts = number[]

export function emptyHistogram(bounds: readonly number[]): HistogramCounts {
  return new Array(bounds.length + 2).fill(0)
}

/** Counts one observation in the first bucket whose bound is not below it. */
export function observe(bounds: readonly number[], counts: HistogramCounts, value: number): void {
  let bucket = 0
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++
  counts[bucket] = (counts[bucket] ?? 0) + 1
  counts[counts.length - 1] = (counts.at(-1) ?? 0) + value
}

/** The number of observations. */
export function countOf(counts: HistogramCounts): number {
  return counts.slice(0, -1).reduce((sum, count) => sum + count, 0)
}

/** The observations since `before`; all of them if there is no `before`, or the counts started again at 0. */
export function difference(counts: HistogramCounts, before: HistogramCounts | undefined): HistogramCounts {
  if (before === undefined || countOf(before) > countOf(counts)) return counts
  return counts.map((count, index) => count - (before[index] ?? 0))
}

/**
 * The value below which the share `q` of the observations lies, interpolated within its bucket as Prometheus does
 * (histogram_quantile); undefined without observations.
 */
export function quantile(bounds: readonly number[], counts: HistogramCounts, q: number): number | undefined {
  const total = countOf(counts)
  if (total === 0) return undefined
  const rank = q * total
  let below = 0
  for (const [bucket, upper] of bounds.entries()) {
    const count = counts[bucket] ?? 0
    if (count > 0 && below + count >= rank) {
      const lower = bounds[bucket - 1] ?? 0
      return lower + ((upper - lower) * (rank - below)) / count
    }
    below += count
  }
  return bounds.at(-1)
}
