/** What became of one agent's batches. */
export type AgentLedger = {
  agent: number
  /** Valid metrics of each of its batches in turn: batch n holds good[n % good.length]. */
  good: number[]
  /** How many batches were sent; they are numbered from 0. */
  sent: number
  /** Numbers of those that were not answered 202: they may be in the topic, or not. */
  unacknowledged: number[]
}

/** Valid metrics in all batches that were answered 202. */
export function acknowledgedMetrics(ledgers: readonly AgentLedger[]): number {
  let sum = 0
  for (const { good, sent, unacknowledged } of ledgers) {
    const goodOf = (sequence: number) => good[sequence % good.length] ?? 0
    for (let sequence = 0; sequence < sent; sequence++) sum += goodOf(sequence)
    for (const sequence of unacknowledged) sum -= goodOf(sequence)
  }
  return sum
}
