import type { Stats } from '../telemetry/stats-schema.js'

/** The state of a collector in a word, and the news that matters most. */
export type ShownCondition = {
  state: Stats['status']
  word: string
  /** A sentence; '' when all is well. */
  notice: string
}

export function showCondition({ status, reason }: Pick<Stats, 'status' | 'reason'>): ShownCondition {
  return { state: status, word: words[status], notice: noticeOf(status, reason) }
}

const words: Readonly<Record<Stats['status'], string>> = {
  operational: 'Operational',
  degraded: 'Degraded',
  unavailable: 'Unavailable',
  draining: 'Draining',
}

function noticeOf(status: Stats['status'], reason: string): string {
  if (status === 'draining') return 'It finishes what is in flight and ends.'
  return status === 'unavailable' ? `Metrics are deferred: ${reason}` : reason
}
