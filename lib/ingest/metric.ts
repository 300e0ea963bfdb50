// What holds for a metric whatever the format that it comes in.

import type { TraceContext } from './trace-context.js'

/** What is wrong with a metric, in words and in short; neither has more of what was sent than a bounded part. */
export type Fault = { reason: string; text: string }

/** What the record says where neither request nor metric does. */
export const environmentDefault = 'development'
export const agentVersionDefault = 'unknown'

export type AgeLimits = {
  /** 0 takes any age. */
  maxAgeHours: number
  /** 0 takes any instant of the future. */
  maxFutureHours: number
}

const hourMs = 3_600_000

/** Between which instants a metric that arrives now must lie, in Unix ms. */
export function instantLimits({ maxAgeHours, maxFutureHours }: AgeLimits): { oldest: number; newest: number } {
  const now = Date.now()
  return {
    oldest: maxAgeHours === 0 ? -Infinity : now - maxAgeHours * hourMs,
    newest: maxFutureHours === 0 ? Infinity : now + maxFutureHours * hourMs,
  }
}

/** The members of a record that say to which trace its request belongs, with their commas; '' for none. */
export function traceMembers({ traceId, spanId }: TraceContext): string {
  const member = (name: string, value: string | undefined) => (value === undefined ? '' : `,"${name}":"${value}"`)
  return member('trace_id', traceId) + member('span_id', spanId)
}
