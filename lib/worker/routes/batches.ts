import { type IngestContext, ingest } from '../../ingest/ingest.js'
import type { Handler } from '../router.js'

/** POST /v1/metrics */
export function batchesRoute(context: IngestContext): Handler {
  return async (exchange) => {
    const startedAt = performance.now()
    try {
      return await ingest(exchange, context)
    } finally {
      context.telemetry.observeIngest((performance.now() - startedAt) / 1000)
    }
  }
}
