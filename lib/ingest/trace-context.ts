/** The trace a request belongs to; members that the request does not name are absent. */
export type TraceContext = {
  /** As they go into records. */
  traceId?: string
  spanId?: string
  /** As W3C traceparent has them, for spans of our own. */
  parent?: { traceId: string; spanId: string; sampled: boolean }
}

const identifier = /^[A-Za-z0-9_-]{1,64}$/
// W3C Trace Context, sections 3.2 and 4: version "-" trace-id "-" parent-id "-" flags, and only a version that is still
// to come may go on behind that; version ff and all zeros are invalid.
const traceparentForm =
  /^(?:00(?=.{53}$)|(?!00|ff)[\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-|$)/
const sampledFlag = 1

/**
 * Reads the trace of a request from X-Vantage-Trace-Id and X-Vantage-Span-Id, or else from W3C traceparent: never the
 * trace of one with the span of another. Values that are not identifiers are ignored: a broken trace header is no reason
 * to lose metrics.
 */
export function readTraceContext(header: (name: string) => string): TraceContext {
  const parent = readTraceparent(header('traceparent'))
  const traceId = matching(header('x-vantage-trace-id'))
  const spanId = matching(header('x-vantage-span-id'))
  if (parent === undefined) return { ...(traceId && { traceId }), ...(spanId && { spanId }) }
  const isParents = traceId === undefined || traceId === parent.traceId
  if (isParents) return { traceId: parent.traceId, spanId: (traceId && spanId) ?? parent.spanId, parent }
  return { traceId, ...(spanId && { spanId }), parent }
}

function readTraceparent(value: string): TraceContext['parent'] {
  const [, traceId, spanId, flags = ''] = traceparentForm.exec(value) ?? []
  if (traceId === undefined || spanId === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 }
}

function matching(value: string): string | undefined {
  return identifier.test(value) ? value : undefined
}
