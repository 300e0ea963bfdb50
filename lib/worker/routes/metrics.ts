import type { Format } from '../../ingest/format.js'
import { type IngestContext, ingest } from '../../ingest/ingest.js'
import { readTraceContext } from '../../ingest/trace-context.js'
import { Problem } from '../../shared/errors.js'
import { excerpt } from '../../shared/excerpt.js'
import type { Guard } from '../access/guard.js'
import type { Exchange } from '../http/exchange.js'
import type { Handler } from '../http/router.js'
import type { Tracing } from '../tracing/tracing.js'

/** Where batches are posted. */
export const batchRoutes = ['/v1/metrics', '/otlp/v1/metrics'] as const

type BatchesContext = { ingest: IngestContext; tracing: Tracing }

/**
 * POST of a batch, in one of several formats. The first that takes its Content-Type gets it, and answers it from here on; where
 * none does, the first of all answers.
 */
export function batchesRoute(
  formats: readonly [Format, ...Format[]],
  { ingest: context, tracing }: BatchesContext,
  guard: Guard,
  identify: (exchange: Exchange) => string,
): Handler {
  const [first] = formats
  const accept = formats.map((format) => format.accept).join(', ')
  const routes = formats.map((format) => ({ format, handle: guard('ingest', ingestAs(format)) }))

  function ingestAs(format: Format): Handler {
    return (exchange) => {
      exchange.trace = tracing.start('POST', exchange.route, readTraceContext(exchange.header))
      exchange.client = identify(exchange)
      return ingest(exchange, format, context)
    }
  }

  return (exchange) => {
    const contentType = exchange.header('content-type')
    for (const { format, handle } of routes) {
      if (!format.takes(contentType)) continue
      exchange.format = format
      return handle(exchange)
    }
    exchange.format = first
    throw unsupportedType(contentType, accept)
  }
}

function unsupportedType(contentType: string, accept: string): Problem {
  const hint = isForm(contentType) ? ": for JSON, give curl -H 'Content-Type: application/json'" : ''
  const detail = `Content-Type ${JSON.stringify(excerpt(contentType, 100))} is none of ${accept}${hint}`
  return new Problem('VANTAGE_UNSUPPORTED_MEDIA_TYPE', detail, { headers: { Accept: accept } })
}

/** What curl says of everything, and hardly anybody means. */
function isForm(contentType: string): boolean {
  return contentType.startsWith('application/x-www-form-urlencoded')
}
