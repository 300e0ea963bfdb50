import type { Config } from '../../config/config.js'
import { type RequestTrace, untraced } from '../../ingest/request-trace.js'
import type { TraceContext } from '../../ingest/trace-context.js'
import type { Logger } from '../../shared/logger.js'

/** Traces of what this worker does, for whoever follows a request through several systems. */
export type Tracing = {
  /** Begins the trace of a request to a route, or goes on with the one that it belongs to. */
  start: (method: string, route: string, context: TraceContext) => RequestTrace
  /** Sends what is left, and resolves within `timeoutMs`. */
  stop: (timeoutMs: number) => Promise<void>
}

const noTracing: Tracing = {
  start: (_method, _route, context) => untraced(context),
  stop: async () => undefined,
}

/** OpenTelemetry is loaded only where its spans go somewhere: it costs memory and time to start. */
export async function startTracing(config: Config, logger: Logger): Promise<Tracing> {
  if (config.otelExporterOtlpEndpoint === '') return noTracing
  const { OpenTelemetryTracing } = await import('./open-telemetry.js')
  return new OpenTelemetryTracing(config, logger)
}
