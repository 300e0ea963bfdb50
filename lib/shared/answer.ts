import { Problem, problems } from './errors.js'
import { totalOf } from './rejections.js'

/** An answer to a request, before it is written. */
export type Answer = {
  status: number
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
}

/** A broker, or a worker, that is back is found within a second. */
export const retryAfter = { 'Retry-After': '1' }
const jsonHeaders = { 'Content-Type': 'application/json' }

export function json(status: number, body: unknown): Answer {
  return { status, headers: jsonHeaders, body: JSON.stringify(body) }
}

/** A problem as RFC 9457 has it. */
export function problemAnswer({ code, message, extras }: Problem): Answer {
  const { status, title, retryable } = problems[code]
  const { errors, metricsReceived, rejections, headers } = extras
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...(retryable && retryAfter), ...headers },
    body: JSON.stringify({
      type: `urn:vantage-collector:problem:${code}`,
      title,
      status,
      detail: message,
      code,
      errors,
      metrics_received: metricsReceived,
      metrics_rejected: rejections && totalOf(rejections),
    }),
  }
}

/** Whatever was thrown as a problem; what is not one is a defect of ours, and its text stays in the log. */
export function toProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem('VANTAGE_INTERNAL', 'The collector made a mistake; its log says more')
}
