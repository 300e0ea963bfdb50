import { librdkafka } from '../../delivery/librdkafka.js'
import { type Answer, json, retryAfter } from '../../shared/answer.js'
import { version } from '../../shared/version.js'
import type { Health } from '../../telemetry/health-schema.js'
import type { Handler } from '../http/router.js'
import type { RouteContext } from './context.js'

/** GET /live: this process can answer. */
export const liveRoute: Handler = () => json(200, { status: 'alive' })

/** GET /ready: 200 only if a batch posted now would get 202 and the worker stays. */
export function readyRoute(context: RouteContext): Handler {
  return () => {
    const reason = reasonNotReady(context)
    return reason === undefined
      ? json(200, { status: 'ready' })
      : { ...json(503, { status: 'not ready', reason }), headers: notReadyHeaders }
  }
}

const notReadyHeaders = { 'Content-Type': 'application/json', ...retryAfter }

/**
 * GET /health: what works and what does not. 200 when all is well ("healthy") and when batches get 202 all the same
 * ("degraded": Kafka, or a part of its partitions, is away and the journal takes them, or the journal does not work and Kafka does, or a part of the journal
 * cannot be read); otherwise 503.
 */
export function healthRoute(context: RouteContext): Handler {
  return (): Answer => {
    const health = describeHealth(context)
    return json(health.status === 'unhealthy' ? 503 : 200, health)
  }
}

function describeHealth(context: RouteContext): Health {
  const { config, delivery, draining } = context
  const { kafka, journal } = delivery
  const journalIsWell = journal === undefined || (journal.state === 'ok' && journal.unreadable === 0)
  const allWell = kafka.up && kafka.partial !== true && journalIsWell
  const isReady = reasonNotReady(context) === undefined
  return {
    status: isReady ? (allWell ? 'healthy' : 'degraded') : 'unhealthy',
    service: config.serviceName,
    version,
    timestamp: new Date().toISOString(),
    librdkafka,
    checks: {
      kafka: {
        status: kafka.up ? (kafka.partial === true ? 'degraded' : 'healthy') : 'unhealthy',
        message: kafka.message,
      },
      journal:
        journal === undefined
          ? { status: 'off', message: 'VANTAGE_JOURNAL_DIR is empty' }
          : { status: journalIsWell ? 'healthy' : 'unhealthy', message: journal.message },
      api: {
        status: draining() ? 'draining' : 'healthy',
        message: draining() ? 'Shutting down' : 'Listening',
      },
    },
  }
}

function reasonNotReady({ delivery, draining }: RouteContext): string | undefined {
  return draining() ? 'Shutting down' : delivery.deferral?.detail
}
