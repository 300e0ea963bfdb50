import { type Answer, json } from '../../shared/answer.js'
import { version } from '../../shared/version.js'
import type { Handler } from '../router.js'
import type { RouteContext } from './context.js'

/** GET /live: this process can answer. */
export const liveRoute: Handler = () => json(200, { status: 'live' })

/** GET /ready: 200 only if a batch posted now would get 202 and the worker stays. */
export function readyRoute(context: RouteContext): Handler {
  return () => {
    const reason = reasonNotReady(context)
    return reason === undefined
      ? json(200, { status: 'ready' })
      : { ...json(503, { status: 'not ready', reason }), headers: notReadyHeaders }
  }
}

const notReadyHeaders = { 'Content-Type': 'application/json', 'Retry-After': '1' }

/** GET /health: what works and what does not; 503 when batches would not get 202. */
export function healthRoute(context: RouteContext): Handler {
  return (): Answer => {
    const { config, delivery, draining } = context
    const { up, message } = delivery.kafka
    const healthy = reasonNotReady(context) === undefined
    return json(healthy ? 200 : 503, {
      status: healthy ? 'healthy' : 'unhealthy',
      service: config.serviceName,
      version,
      timestamp: new Date().toISOString(),
      checks: {
        kafka: { status: up ? 'healthy' : 'unhealthy', message },
        api: {
          status: draining() ? 'draining' : 'healthy',
          message: draining() ? 'Shutting down' : 'Listening',
        },
      },
    })
  }
}

function reasonNotReady({ delivery, draining }: RouteContext): string | undefined {
  return draining() ? 'Shutting down' : delivery.unavailability?.detail
}
