import type { Stats } from './stats-schema.js'

/** How a collector is, in a word, and what whoever looks at it should know first. */
export type Condition = {
  state: Stats['status'] | 'degraded'
  word: string
  /** A sentence; '' when all is well. */
  notice: string
}

export function conditionOf({ status, reason, workers }: Stats): Condition {
  if (status === 'draining') {
    return { state: status, word: 'Draining', notice: 'It finishes what is in flight and ends.' }
  }
  if (status === 'unavailable') {
    return { state: status, word: 'Unavailable', notice: `Batches are sent back: ${reason}` }
  }
  const degraded = workers.some(({ kafka }) => !kafka.up)
  return degraded
    ? { state: 'degraded', word: 'Degraded', notice: '' }
    : { state: status, word: 'Operational', notice: '' }
}
