import { type IngestContext, ingest } from '../../ingest/ingest.js'
import type { Exchange } from '../exchange.js'
import type { Handler } from '../router.js'

/** POST /v1/metrics */
export function batchesRoute(context: IngestContext, identify: (exchange: Exchange) => string): Handler {
  return (exchange) => {
    exchange.client = identify(exchange)
    return ingest(exchange, context)
  }
}
