import type { Metric } from '../lib/ingest/formats/vantage/metric-schema.js'

export type Batch = {
  metrics: (Metric & Record<string, unknown>)[]
  service_name: string
  environment: string
  agent_version: string
}

/** A valid batch of `count` metrics of about 280 bytes; `first` numbers them, as the member `id` does. */
export function batchOf(count: number, { service = 'api-gateway', first = 0 } = {}): Batch {
  return {
    metrics: Array.from({ length: count }, (_, index) => metricOf(first + index, service)),
    service_name: service,
    environment: 'production',
    agent_version: '0.1.0',
  }
}

export function metricOf(id: number, service = 'api-gateway'): Batch['metrics'][number] {
  return {
    id,
    timestamp: 1701878400000 + id,
    service_name: service,
    metric_name: 'http.request.duration',
    metric_type: 'histogram',
    value: (id * 7919) / 1000,
    tags: { region: 'us-east-1', host: `host-${id % 50}` },
    endpoint: `/api/users/${id % 100}`,
    method: 'GET',
    status_code: 200,
    duration_ms: (id * 104729) / 1000,
  }
}
