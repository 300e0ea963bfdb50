import type { TraceContext } from './trace-context.js'

/** What a batch goes through, in this order. */
export type Stage = 'read' | 'inflate' | 'decode' | 'deliver'

/** How one request is traced. Each stage enters itself; where the request is not traced, that does nothing. */
export type RequestTrace = {
  /** What the client says of the trace it belongs to. */
  readonly context: TraceContext
  /** The trace that it is found by; undefined when there is none. */
  readonly traceId: string | undefined
  /** The stage before it is over. */
  enter: (stage: Stage) => void
  /** Adds to the stage that it is at. */
  note: (attributes: Record<string, string | number>) => void
  /** @param status of the answer; undefined when the client went away first */
  end: (status: number | undefined) => void
}

const nothing = (): void => undefined

/** The trace of a request that is not traced. */
export function untraced(context: TraceContext): RequestTrace {
  return { context, traceId: context.traceId, enter: nothing, note: nothing, end: nothing }
}
