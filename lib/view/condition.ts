import type { Stats } from '../telemetry/stats-schema.js'

/** The state of a collector in a word, and the news that matters most. */
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
    return { state: status, word: 'Unavailable', notice: `Metrics are deferred: ${reason}` }
  }
  const fault = faultOf(workers)
  return fault === undefined
    ? { state: status, word: 'Operational', notice: '' }
    : { state: 'degraded', word: 'Degraded', notice: fault }
}

/** What is degraded although batches get 202, as in GET /health. */
function faultOf(workers: Stats['workers']): string | undefined {
  const away = workers.find(({ kafka }) => !kafka.up)
  if (away !== undefined) return `Batches are kept until Kafka takes them: ${away.kafka.message}`
  const partial = workers.find(({ kafka }) => kafka.partial === true)
  if (partial !== undefined) return `Batches of some services are kept: ${partial.kafka.message}`
  const broken = workers.find(({ journal }) => journal !== undefined && journal.state !== 'ok')?.journal
  if (broken !== undefined) return `Kafka takes batches, and the journal could not: ${broken.message}`
  const unreadable = workers.find(({ journal }) => journal !== undefined && journal.unreadable > 0)?.journal
  return unreadable && `Metrics wait that cannot be read: ${unreadable.message}`
}
