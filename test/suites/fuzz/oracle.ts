import { isUtf8 } from 'node:buffer'

/**
 * How many metrics of a body the contract takes: written from the contract's table and not from the schemas, so that it
 * can contradict them. 0 if the body may not be answered 202.
 */
export function goodMetricsIn(body: Buffer): number {
  if (!isUtf8(body)) return 0
  let batch: unknown
  try {
    batch = JSON.parse(body.toString())
  } catch {
    return 0
  }
  if (!isObject(batch) || !text(batch.service_name, 1, 255)) return 0
  if (!optional(batch, 'environment', (value) => text(value, 0, 50))) return 0
  if (!optional(batch, 'agent_version', (value) => text(value, 0, 50))) return 0
  const { metrics } = batch
  if (!Array.isArray(metrics) || metrics.length > 1000) return 0
  return metrics.filter(isGood).length
}

function isGood(metric: unknown): boolean {
  return (
    isObject(metric) &&
    integer(metric.timestamp, 0, 8.64e15) &&
    text(metric.service_name, 1, 255) &&
    text(metric.metric_name, 1, 255) &&
    ['counter', 'gauge', 'histogram'].includes(String(metric.metric_type)) &&
    typeof metric.metric_type === 'string' &&
    Number.isFinite(metric.value) &&
    optional(metric, 'tags', (tags) => isObject(tags) && Object.values(tags).every((tag) => typeof tag === 'string')) &&
    optional(metric, 'endpoint', (value) => value === null || text(value, 0, 500)) &&
    optional(metric, 'method', (value) => value === null || text(value, 0, 10)) &&
    optional(metric, 'status_code', (value) => value === null || integer(value, 0, 999)) &&
    optional(metric, 'duration_ms', (value) => value === null || (Number.isFinite(value) && Number(value) >= 0)) &&
    optional(metric, 'error', (value) => value === null || text(value, 0, 1000))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function optional(object: Record<string, unknown>, name: string, holds: (value: unknown) => boolean): boolean {
  return !Object.hasOwn(object, name) || holds(object[name])
}

function text(value: unknown, least: number, most: number): boolean {
  if (typeof value !== 'string') return false
  const characters = [...value].length
  return characters >= least && characters <= most
}

function integer(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most
}
