// The messages of an export request, as opentelemetry-proto 1.x has them (collector/metrics/v1, metrics/v1, common/v1, resource/v1),
// with what of them is read here: other fields are skipped. The names are those of the JSON encoding.

/** `id` is a string of bytes that JSON has in hexadecimal digits. */
export type Scalar =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'sint32'
  | 'uint32'
  | 'uint64'
  | 'double'
  | 'fixed64'
  | 'sfixed64'

/** `oneof`: of the fields with this name, a message has one. */
export type Field = { name: string; type: Scalar | (() => Schema); repeated?: true; oneof?: string }
export type Schema = Readonly<Record<number, Field>>

const value = 'value'
const data = 'data'

const anyValue: Schema = {
  1: { name: 'stringValue', type: 'string', oneof: value },
  2: { name: 'boolValue', type: 'bool', oneof: value },
  3: { name: 'intValue', type: 'int64', oneof: value },
  4: { name: 'doubleValue', type: 'double', oneof: value },
  5: { name: 'arrayValue', type: () => arrayValue, oneof: value },
  6: { name: 'kvlistValue', type: () => keyValueList, oneof: value },
  7: { name: 'bytesValue', type: 'bytes', oneof: value },
}
const arrayValue: Schema = { 1: { name: 'values', type: () => anyValue, repeated: true } }
const keyValue: Schema = { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: () => anyValue } }
const keyValueList: Schema = { 1: { name: 'values', type: () => keyValue, repeated: true } }

const attributes: Field = { name: 'attributes', type: () => keyValue, repeated: true }
const startTimeUnixNano: Field = { name: 'startTimeUnixNano', type: 'fixed64' }
const timeUnixNano: Field = { name: 'timeUnixNano', type: 'fixed64' }
const flags: Field = { name: 'flags', type: 'uint32' }
const exemplars: Field = { name: 'exemplars', type: () => exemplar, repeated: true }

const exemplar: Schema = {
  2: timeUnixNano,
  3: { name: 'asDouble', type: 'double', oneof: value },
  4: { name: 'spanId', type: 'id' },
  5: { name: 'traceId', type: 'id' },
  6: { name: 'asInt', type: 'sfixed64', oneof: value },
  7: { name: 'filteredAttributes', type: () => keyValue, repeated: true },
}
const numberDataPoint: Schema = {
  2: startTimeUnixNano,
  3: timeUnixNano,
  4: { name: 'asDouble', type: 'double', oneof: value },
  5: exemplars,
  6: { name: 'asInt', type: 'sfixed64', oneof: value },
  7: attributes,
  8: flags,
}
const histogramDataPoint: Schema = {
  2: startTimeUnixNano,
  3: timeUnixNano,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'bucketCounts', type: 'fixed64', repeated: true },
  7: { name: 'explicitBounds', type: 'double', repeated: true },
  8: exemplars,
  9: attributes,
  10: flags,
  11: { name: 'min', type: 'double' },
  12: { name: 'max', type: 'double' },
}
const buckets: Schema = {
  1: { name: 'offset', type: 'sint32' },
  2: { name: 'bucketCounts', type: 'uint64', repeated: true },
}
const exponentialHistogramDataPoint: Schema = {
  1: attributes,
  2: startTimeUnixNano,
  3: timeUnixNano,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'scale', type: 'sint32' },
  7: { name: 'zeroCount', type: 'fixed64' },
  8: { name: 'positive', type: () => buckets },
  9: { name: 'negative', type: () => buckets },
  10: flags,
  11: exemplars,
  12: { name: 'min', type: 'double' },
  13: { name: 'max', type: 'double' },
  14: { name: 'zeroThreshold', type: 'double' },
}
const valueAtQuantile: Schema = { 1: { name: 'quantile', type: 'double' }, 2: { name: 'value', type: 'double' } }
const summaryDataPoint: Schema = {
  2: startTimeUnixNano,
  3: timeUnixNano,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'quantileValues', type: () => valueAtQuantile, repeated: true },
  7: attributes,
  8: flags,
}

const aggregationTemporality: Field = { name: 'aggregationTemporality', type: 'int32' }
const points = (type: Schema): Field => ({ name: 'dataPoints', type: () => type, repeated: true })

const gauge: Schema = { 1: points(numberDataPoint) }
const sum: Schema = { 1: points(numberDataPoint), 2: aggregationTemporality, 3: { name: 'isMonotonic', type: 'bool' } }
const histogram: Schema = { 1: points(histogramDataPoint), 2: aggregationTemporality }
const exponentialHistogram: Schema = { 1: points(exponentialHistogramDataPoint), 2: aggregationTemporality }
const summary: Schema = { 1: points(summaryDataPoint) }

const metric: Schema = {
  1: { name: 'name', type: 'string' },
  3: { name: 'unit', type: 'string' },
  5: { name: 'gauge', type: () => gauge, oneof: data },
  7: { name: 'sum', type: () => sum, oneof: data },
  9: { name: 'histogram', type: () => histogram, oneof: data },
  10: { name: 'exponentialHistogram', type: () => exponentialHistogram, oneof: data },
  11: { name: 'summary', type: () => summary, oneof: data },
}
const scope: Schema = {
  1: { name: 'name', type: 'string' },
  2: { name: 'version', type: 'string' },
  3: attributes,
}
const scopeMetrics: Schema = {
  1: { name: 'scope', type: () => scope },
  2: { name: 'metrics', type: () => metric, repeated: true },
}
const resource: Schema = { 1: attributes }
const resourceMetrics: Schema = {
  1: { name: 'resource', type: () => resource },
  2: { name: 'scopeMetrics', type: () => scopeMetrics, repeated: true },
}

/** opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest */
export const exportRequest: Schema = { 1: { name: 'resourceMetrics', type: () => resourceMetrics, repeated: true } }
