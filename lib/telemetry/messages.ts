import type { RateRequest, RateVerdict } from '../config/rate-limits.js'
import type { CollectorStats } from './collector-stats.js'
import type { WorkerSnapshot } from './telemetry.js'

/** Messages from a worker to the primary. */
export type WorkerMessage =
  | { type: 'listening' }
  /**
   * Sent unasked at a steady beat (a sign of life, and what stays known of a worker that is killed) and when asked,
   * with the id.
   */
  | { type: 'snapshot'; id: number | null; snapshot: WorkerSnapshot }
  | { type: 'stats-request'; id: number }
  | { type: 'rate-requests'; id: number; requests: RateRequest[] }

/** Messages from the primary to a worker. */
export type PrimaryMessage =
  | { type: 'snapshot-request'; id: number }
  | { type: 'stats'; id: number; stats: CollectorStats }
  | { type: 'rate-verdicts'; id: number; verdicts: RateVerdict[] }
  | { type: 'drain' }

export const heartbeatIntervalMs = 250
