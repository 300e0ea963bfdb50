import type { DeferralReason, Deferred } from '../delivery/outcome.js'
import { Problem, type ProblemCode } from '../shared/errors.js'

const codes = {
  kafkaUnavailable: 'VANTAGE_KAFKA_UNAVAILABLE',
  ackTimeout: 'VANTAGE_ACK_TIMEOUT',
  journalFull: 'VANTAGE_JOURNAL_FULL',
  journalUnavailable: 'VANTAGE_JOURNAL_UNAVAILABLE',
  overloaded: 'VANTAGE_OVERLOADED',
} satisfies Record<DeferralReason, ProblemCode>

/** The answer to a batch that delivery has deferred. */
export function problemOf({ reason, detail }: Deferred): Problem {
  return new Problem(codes[reason], detail)
}
