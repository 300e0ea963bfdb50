import type { Config } from '../../../config/config.js'
import type { DeadLetter } from '../../../delivery/dead-letter-topic.js'
import type { Fault } from '../../metric.js'
import type { Place } from './points.js'

/** More than dead letters may hold while they wait: what would go beyond is made empty, and dropped and counted with the others. */
const maxBytes = 16 * 2 ** 20

/** The dead letters of one request. */
export type Letters = {
  add: (place: Place, service: string, fault: Fault) => void
  readonly all: readonly DeadLetter[]
}

/**
 * Makes the dead letters of rejected points: each is an export request in JSON with that point alone. None unless
 * VANTAGE_DEAD_LETTER_INVALID asks for them.
 */
export function createLetters({ deadLetterInvalid, kafkaTopic }: Config): () => Letters {
  if (!deadLetterInvalid) return () => ({ add: () => undefined, all: [] })

  return function letters() {
    const all: DeadLetter[] = []
    const firstSeenMs = Date.now()
    let bytes = 0
    const add = (place: Place, service: string, { reason, text }: Fault) => {
      const value = bytes > maxBytes ? Buffer.alloc(0) : Buffer.from(JSON.stringify(requestOf(place)))
      bytes += value.length
      all.push({ key: Buffer.from(service), value, reason: text, errorCode: reason, firstSeenMs, topic: kafkaTopic })
    }
    return { add, all }
  }
}

function requestOf({ resourceMetrics, scopeMetrics, metric, kindName, data, point }: Place) {
  const withPoint = { ...metric, [kindName]: { ...data, dataPoints: [point] } }
  return { resourceMetrics: [{ ...resourceMetrics, scopeMetrics: [{ ...scopeMetrics, metrics: [withPoint] }] }] }
}
