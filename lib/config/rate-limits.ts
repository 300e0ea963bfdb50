import type { Config } from './config.js'

/** What a client may send within a window; 0 is no limit. */
export type RateLimits = { requests: number; metrics: number; windowMs: number }

/** Something a client wants to send. */
export type RateRequest = { client: string; requests: number; metrics: number }

/** Whether it may, and what is left to the client until its window ends. Nothing is taken when it may not. */
export type RateVerdict = { allowed: boolean; requestsLeft: number; metricsLeft: number; endsInMs: number }

/** Undefined where there are no limits. */
export function rateLimitsOf(config: Config): RateLimits | undefined {
  if (!config.rateLimitEnabled) return undefined
  return {
    requests: config.rateLimitRequests,
    metrics: config.rateLimitMetrics,
    windowMs: config.rateLimitWindow * 1000,
  }
}
