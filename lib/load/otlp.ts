// Batches as OTLP export requests (opentelemetry-proto, metrics/v1): a gauge a metric, and all else that a metric has as
// attributes.

type Attribute = readonly [key: string, value: string]
type Gauge = { name: string; timestampMs: number; value: number; attributes: Attribute[] }
type Metric = Record<string, unknown>

/** As JSON, by the rules of protobuf's mapping. */
export function otlpJson(service: string, metrics: readonly Metric[]): Buffer {
  const attribute = ([key, stringValue]: Attribute) => ({ key, value: { stringValue } })
  const exported = metrics.map(gaugeOf).map(({ name, timestampMs, value, attributes }) => ({
    name,
    gauge: {
      dataPoints: [{ timeUnixNano: `${timestampMs}000000`, asDouble: value, attributes: attributes.map(attribute) }],
    },
  }))
  const resource = { attributes: resourceOf(service).map(attribute) }
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics: exported }] }] }))
}

/** As protobuf, which OpenTelemetry's agents send unless told otherwise. */
export function otlpProtobuf(service: string, metrics: readonly Metric[]): Buffer {
  const attribute = (number: number, [key, value]: Attribute) =>
    message(number, text(1, key), message(2, text(1, value)))
  const exported = metrics.map(gaugeOf).map(({ name, timestampMs, value, attributes }) => {
    const point = [
      fixed64(3, (bytes) => bytes.writeBigUInt64LE(BigInt(timestampMs) * 1_000_000n)),
      fixed64(4, (bytes) => bytes.writeDoubleLE(value)),
      ...attributes.map((each) => attribute(7, each)),
    ]
    return message(2, text(1, name), message(5, message(1, ...point)))
  })
  const resource = message(1, ...resourceOf(service).map((each) => attribute(1, each)))
  return message(1, resource, message(2, ...exported))
}

/** One whose value is no number has no name: such a point is rejected, and not the whole request. */
function gaugeOf({ metric_name, timestamp, value, tags, service_name: _, ...rest }: Metric): Gauge {
  const attributes = Object.entries({ ...rest, ...Object(tags) }).map(([key, of]): Attribute => [key, String(of)])
  const isGood = typeof value === 'number'
  const name = isGood ? String(metric_name) : ''
  return { name, timestampMs: Number(timestamp), value: isGood ? value : 0, attributes }
}

function resourceOf(service: string): Attribute[] {
  return [
    ['service.name', service],
    ['deployment.environment', 'production'],
    ['agent.version', '0.1.0'],
  ]
}

// Protobuf's wire format: each field is a tag, its number and wire type, and then its value.
const wire = { fixed64: 1, lengthDelimited: 2 } as const

function message(number: number, ...fields: Buffer[]): Buffer {
  const content = Buffer.concat(fields)
  return Buffer.concat([tag(number, wire.lengthDelimited), varint(content.length), content])
}

function text(number: number, value: string): Buffer {
  return message(number, Buffer.from(value))
}

function fixed64(number: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(8)
  write(bytes)
  return Buffer.concat([tag(number, wire.fixed64), bytes])
}

function tag(number: number, type: number): Buffer {
  return varint((number << 3) | type)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}
