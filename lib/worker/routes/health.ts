import { librdkafka } from '../../delivery/librdkafka.js'
import { type Answer, json, retryAfter } from '../../shared/answer.js'
import { version } from '../../shared/version.js'
import { type Condition, isReady, isWell, type JournalFigures, type KafkaFigures } from '../../telemetry/condition.js'
import type { Health } from '../../telemetry/health-schema.js'
import type { Handler } from '../http/router.js'
import type { RouteContext } from './context.js'

/** GET /live: this process can answer. */
export const liveRoute: Handler = () => json(200, { status: 'alive' })

/** GET /ready: 200 only if a batch posted now would get 202 and the worker stays. */
export function readyRoute({ condition }: RouteContext): Handler {
  return () => {
    const now = condition()
    return isReady(now)
      ? json(200, { status: 'ready' })
      : { ...json(503, { status: 'not ready', reason: now.reason }), headers: notReadyHeaders }
  }
}

const notReadyHeaders = { 'Content-Type': 'application/json', ...retryAfter }

/** GET /health: what works and what does not. 200 as long as batches get 202, otherwise 503. */
export function healthRoute(context: RouteContext): Handler {
  return (): Answer => {
    const health = describeHealth(context)
    return json(health.status === 'unhealthy' ? 503 : 200, health)
  }
}

const healthOf: Readonly<Record<Condition['state'], Health['status']>> = {
  operational: 'healthy',
  degraded: 'degraded',
  unavailable: 'unhealthy',
  draining: 'unhealthy',
}

function describeHealth({ config, delivery, condition }: RouteContext): Health {
  const { state, reason } = condition()
  return {
    status: healthOf[state],
    service: config.serviceName,
    version,
    timestamp: new Date().toISOString(),
    librdkafka,
    checks: {
      kafka: checkKafka(delivery.kafka),
      journal: checkJournal(delivery.journal),
      api: state === 'draining' ? { status: state, message: reason } : { status: 'healthy', message: 'Listening' },
    },
  }
}

function checkKafka({ up, partial, message }: KafkaFigures): Health['checks']['kafka'] {
  return { status: up ? (partial === true ? 'degraded' : 'healthy') : 'unhealthy', message }
}

function checkJournal(journal: JournalFigures | undefined): Health['checks']['journal'] {
  if (journal === undefined) return { status: 'off', message: 'VANTAGE_JOURNAL_DIR is empty' }
  return { status: isWell(journal) ? 'healthy' : 'unhealthy', message: journal.message }
}
