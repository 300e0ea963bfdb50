/** The trace a request belongs to; members that the request does not name are absent. */
export type TraceContext = { traceId?: string; spanId?: string }

const identifier = /^[A-Za-z0-9_-]{1,64}$/
// W3C Trace Context, section 3.2: version "-" trace-id "-" parent-id "-" flags; all zeros are invalid.
const traceparentForm = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}/

/**
 * Reads the trace of a request from X-Vantage-Trace-Id and X-Vantage-Span-Id, or else from W3C traceparent. Values that
 * are not identifiers are ignored: a broken trace header is no reason to lose metrics.
 */
export function readTraceContext(header: (name: string) => string): TraceContext {
  const traceparent = traceparentForm.exec(header('traceparent'))
  const traceId = matching(header('x-vantage-trace-id')) ?? traceparent?.[1]
  const spanId = matching(header('x-vantage-span-id')) ?? traceparent?.[2]
  return { ...(traceId && { traceId }), ...(spanId && { spanId }) }
}

function matching(value: string): string | undefined {
  return identifier.test(value) ? value : undefined
}
