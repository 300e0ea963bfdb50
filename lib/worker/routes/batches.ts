import { type IngestContext, ingest } from '../../ingest/ingest.js'
import type { Handler } from '../router.js'

/** POST /v1/metrics */
export function batchesRoute(context: IngestContext): Handler {
  return (exchange) => ingest(exchange, context)
}
