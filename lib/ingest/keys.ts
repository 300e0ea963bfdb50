import type { Config } from '../config/config.js'
import type { RecordBatch } from '../delivery/record-batch.js'
import type { Metric } from './formats/vantage/metric-schema.js'
import type { SlicedBatch } from './formats/vantage/sliced-batch.js'

export type PartitionKey = Config['kafkaPartitionKey']

type KeysOf = (batch: Pick<SlicedBatch, 'service' | 'metrics'>) => RecordBatch['keys']

/** What decides the partition of a batch's records. Records of one key stay in order. For `series`, metrics are parsed. */
export function createKeys(partitionKey: PartitionKey): KeysOf {
  if (partitionKey === 'none') return () => []
  if (partitionKey === 'series') return ({ metrics = [] }) => metrics.map(seriesKey)
  const serviceKey = createKeyCache()
  return ({ service }) => [serviceKey(service)]
}

/** Records of several services: the number of its service for each, and the values, which are asked for only where it takes that. */
export type KeyedRecords = {
  services: readonly string[]
  serviceOf: ArrayLike<number>
  values: () => Iterable<string>
}

/** As {@link createKeys}, for records of several services. */
export function createKeysOfMany(partitionKey: PartitionKey): (records: KeyedRecords) => RecordBatch['keys'] {
  if (partitionKey === 'none') return () => []
  if (partitionKey === 'series') return ({ values }) => Array.from(values(), (value) => seriesKey(JSON.parse(value)))
  const serviceKey = createKeyCache()
  return ({ services, serviceOf }) => {
    const keys = services.map(serviceKey)
    const [first] = keys
    if (first === undefined || keys.length === 1) return keys
    return Array.from(serviceOf, (service) => keys[service] ?? first)
  }
}

const maxCachedKeys = 10_000

/** Services are few, so each is encoded once. */
function createKeyCache() {
  const cache = new Map<string, Buffer>()
  return (service: string): Buffer => {
    const known = cache.get(service)
    if (known !== undefined) return known
    if (cache.size === maxCachedKeys) cache.clear()
    const key = Buffer.from(service)
    cache.set(service, key)
    return key
  }
}

/** service + metric + tags in a canonical form: the order of tags in the request makes no difference. */
function seriesKey({ service_name, metric_name, tags }: Pick<Metric, 'service_name' | 'metric_name' | 'tags'>): Buffer {
  const sorted = Object.entries(tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify([service_name, metric_name, ...sorted.flat()]))
}
