import { type IngestContext, ingest } from '../../ingest/ingest.js'
import { readTraceContext } from '../../ingest/trace-context.js'
import type { Exchange } from '../http/exchange.js'
import type { Handler } from '../http/router.js'
import type { Tracing } from '../tracing/tracing.js'

type BatchesContext = { ingest: IngestContext; tracing: Tracing }

/** POST /v1/metrics */
export function batchesRoute(
  { ingest: context, tracing }: BatchesContext,
  identify: (exchange: Exchange) => string,
): Handler {
  return (exchange) => {
    exchange.trace = tracing.start('POST', '/v1/metrics', readTraceContext(exchange.header))
    exchange.client = identify(exchange)
    return ingest(exchange, context)
  }
}
