import { Registry } from 'prom-client'
import { weightOf } from '../../shared/header-lists.js'
import { type ExpositionType, expose } from '../../telemetry/exposition.js'
import type { Handler } from '../http/router.js'
import type { RouteContext } from './context.js'

/** GET /metrics: the figures of all workers, summed, as Prometheus text, or as OpenMetrics for those who ask. */
export function metricsRoute({ config, primary }: RouteContext): Handler {
  return async (exchange) => {
    const type = formatFor(exchange.header('accept'))
    // Names of services are in it, which strangers choose.
    const headers = { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' }
    return { status: 200, headers, body: await expose(await primary.stats(), config, type) }
  }
}

function formatFor(accept: string): ExpositionType {
  const open = weightOf(accept, 'application/openmetrics-text')
  return open > 0 && open >= weightOf(accept, 'text/plain')
    ? Registry.OPENMETRICS_CONTENT_TYPE
    : Registry.PROMETHEUS_CONTENT_TYPE
}
