import type { Config } from '../../../config/config.js'
import type { DeadLetter } from '../../../delivery/dead-letter-topic.js'
import { surveyedSize } from '../../native/binding.js'
import type { Verdict } from './validate.js'

export type MakeLetters = (bytes: Buffer, verdict: Verdict, places: Uint32Array) => DeadLetter[]

/**
 * Makes the dead letters of a batch: the own bytes of each metric that failed validation, and what is wrong with it.
 * None unless VANTAGE_DEAD_LETTER_INVALID asks for them. `places`: `surveyedSize` numbers a metric of the batch.
 */
export function createLetters({ deadLetterInvalid, kafkaTopic }: Config): MakeLetters {
  if (!deadLetterInvalid) return () => []

  return function letters(bytes, { envelope, faults }, places) {
    if (faults.length === 0) return []
    const key = Buffer.from(envelope.service_name)
    const firstSeenMs = Date.now()
    return faults.map(({ index, reason, text }) => {
      const [start, end] = places.subarray(surveyedSize * index)
      const value = Buffer.from(bytes.subarray(start, end))
      return { key, value, reason: text, errorCode: reason, firstSeenMs, topic: kafkaTopic }
    })
  }
}
