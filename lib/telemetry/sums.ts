import {
  type Counts,
  counters,
  emptyMembers,
  type Histograms,
  histograms,
  type LabelledCounts,
  labelledCounters,
  namesOf,
  zeros,
} from './telemetry.js'

/** Counters and histograms, summed over workers. */
export type Sums = { counts: Counts; labelledCounts: LabelledCounts; histograms: Histograms }

export function emptySums(): Sums {
  return {
    counts: zeros(counters),
    labelledCounts: emptyMembers(labelledCounters),
    histograms: emptyMembers(histograms),
  }
}

/** Adds `more` to `sums`; the two share no objects afterwards. */
export function add(sums: Sums, more: Sums): void {
  for (const name of namesOf(counters)) sums.counts[name] += more.counts[name]
  for (const name of namesOf(labelledCounters)) {
    const byLabels = sums.labelledCounts[name]
    for (const [labels, count] of Object.entries(more.labelledCounts[name])) {
      byLabels[labels] = (byLabels[labels] ?? 0) + count
    }
  }
  for (const name of namesOf(histograms)) {
    const byLabel = sums.histograms[name]
    for (const [label, counts] of Object.entries(more.histograms[name])) {
      const sum = byLabel[label]
      byLabel[label] = sum === undefined ? [...counts] : sum.map((count, bucket) => count + (counts[bucket] ?? 0))
    }
  }
}
