import type { Metric } from './metric-schema.js'

/** Members that a metric's record gets where it lacks them, in the order in which they are spliced in. */
export const spliceable = ['environment', 'agent_version', 'trace_id', 'span_id'] as const

/** A batch of which some metrics are good, and where these stand in its body. */
export type SlicedBatch = {
  bytes: Buffer
  /** Whether there may be line breaks in it. */
  lineBreaks: boolean
  service: string
  environment: string
  agentVersion: string
  /** How many metrics are good. */
  good: number
  /** Three numbers a good metric: where it starts and ends (exclusive), and which of `spliceable` it has, a bit each. */
  slices: Uint32Array
  /** The good metrics as they were parsed; undefined where nothing had to be. */
  metrics: readonly Metric[] | undefined
}

export const sliceSize = 3
