/** `partial`: some partitions take records, others do not. */
export type KafkaFigures = { up: boolean; message: string; partial?: boolean }
/** `unreadable`: how many of its logs and files cannot be read. */
export type JournalFigures = { state: 'ok' | 'full' | 'unavailable'; message: string; unreadable: number }

/** The states of a worker and of a collector, the best first. */
export const states = ['operational', 'degraded', 'unavailable', 'draining'] as const

/** `degraded`: something does not work, and batches get 202 all the same. `reason` is '' when all is well. */
export type Condition = { state: (typeof states)[number]; reason: string }

/** What the condition of a worker follows from. */
export type Circumstances = {
  draining: boolean
  /** Why a batch posted now would be deferred; undefined if it would be taken. */
  deferral: string | undefined
  kafka: KafkaFigures
  /** Undefined where there is no journal. */
  journal: JournalFigures | undefined
}

export const draining: Condition = { state: 'draining', reason: 'Shutting down' }
const operational: Condition = { state: 'operational', reason: '' }

/** The only place that says what a worker's state is: routes, figures, the status page and `top` show this. */
export function conditionOf(worker: Circumstances): Condition {
  if (worker.draining) return draining
  if (worker.deferral !== undefined) return { state: 'unavailable', reason: worker.deferral }
  const fault = faultOf(worker)
  return fault === undefined ? operational : { state: 'degraded', reason: fault }
}

/** What does not work although batches get 202. */
function faultOf({ kafka, journal }: Circumstances): string | undefined {
  if (!kafka.up) return `Batches are kept until Kafka takes them: ${kafka.message}`
  if (kafka.partial === true) {
    return `Batches of some services are ${journal?.state === 'ok' ? 'kept' : 'deferred'}: ${kafka.message}`
  }
  if (journal === undefined || isWell(journal)) return undefined
  return journal.state === 'ok'
    ? `A part of the journal cannot be read: ${journal.message}`
    : `Kafka takes batches, but the journal does not: ${journal.message}`
}

/** Whether the journal takes batches, and all that waits in it can be read. */
export function isWell({ state, unreadable }: JournalFigures): boolean {
  return state === 'ok' && unreadable === 0
}

/** Whether a batch posted now would get 202. */
export function isReady({ state }: Condition): boolean {
  return state === 'operational' || state === 'degraded'
}

/** The worst of the workers that stay: those that drain are being replaced. */
export function conditionOfAll(workers: readonly Condition[]): Condition {
  const staying = workers.filter(({ state }) => state !== 'draining')
  const [first, ...others] = staying.length > 0 ? staying : workers
  if (first === undefined) return { state: 'unavailable', reason: 'No worker is running' }
  return others.reduce((worst, other) => (rank(other) > rank(worst) ? other : worst), first)
}

function rank({ state }: Condition): number {
  return states.indexOf(state)
}
