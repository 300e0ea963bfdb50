import { type RequestTrace, untraced } from '../../ingest/request-trace.js'
import type { TraceContext } from '../../ingest/trace-context.js'

/** Traces of what this worker does, for people who follow a request through several systems. */
export type Tracing = {
  /** Begins the trace of a request to a route, or goes on with the one that it belongs to. */
  start: (method: string, route: string, context: TraceContext) => RequestTrace
  /** Sends what is left, and resolves within `timeoutMs`. */
  stop: (timeoutMs: number) => Promise<void>
}

export const noTracing: Tracing = {
  start: (_method, _route, context) => untraced(context),
  stop: async () => undefined,
}
