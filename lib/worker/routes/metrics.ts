import { AggregatorRegistry, type OpenMetricsContentType, type PrometheusContentType, Registry } from 'prom-client'
import type { Handler } from '../router.js'
import type { RouteContext } from './context.js'

/** GET /metrics: the figures of all workers, summed, as Prometheus text, or as OpenMetrics for those who ask. */
export function metricsRoute({ primary }: RouteContext): Handler {
  return async (exchange) => {
    const type = formatFor(exchange.header('accept'))
    const { metrics } = await primary.fleet()
    const registry: Registry<typeof type> = AggregatorRegistry.aggregate(metrics)
    registry.setContentType(type)
    return { status: 200, headers: { 'Content-Type': type }, body: await registry.metrics() }
  }
}

function formatFor(accept: string): PrometheusContentType | OpenMetricsContentType {
  return accept.includes('application/openmetrics-text')
    ? Registry.OPENMETRICS_CONTENT_TYPE
    : Registry.PROMETHEUS_CONTENT_TYPE
}
