import Type, { type Static } from 'typebox'
import { agentVersionDefault, environmentDefault } from '../../metric.js'

export const metricTypes = ['counter', 'gauge', 'histogram'] as const

/** The last instant a JavaScript or Java date can hold, in Unix ms (ECMA-262, "time values"). */
const lastInstantMs = 8_640_000_000_000_000

/** Many serialisers write null for nothing. Records have no null: such a member is left out. */
const nullable = <T extends string | number | Record<string, string>>(schema: {
  type: string
  [keyword: string]: unknown
}) => Type.Optional(Type.Unsafe<T | null>({ ...schema, type: [schema.type, 'null'] }))

/** One metric as agents post it. Members that are not named here pass through untouched. */
export const metricSchema = Type.Object(
  {
    timestamp: Type.Integer({
      minimum: 0,
      maximum: lastInstantMs,
      description: 'Unix time in milliseconds',
      examples: [1701878400000],
    }),
    service_name: Type.String({ minLength: 1, maxLength: 255, examples: ['api-gateway'] }),
    metric_name: Type.String({ minLength: 1, maxLength: 255, examples: ['http.request.duration'] }),
    metric_type: Type.Enum([...metricTypes], { type: 'string', examples: ['histogram'] }),
    value: Type.Number({ description: 'A finite number', examples: [123.45] }),
    tags: nullable<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      examples: [{ region: 'us-east-1' }],
    }),
    endpoint: nullable<string>({ type: 'string', maxLength: 500, examples: ['/api/users'] }),
    method: nullable<string>({ type: 'string', maxLength: 10, examples: ['GET'] }),
    status_code: nullable<number>({ type: 'integer', minimum: 0, maximum: 999, examples: [200] }),
    duration_ms: nullable<number>({ type: 'number', minimum: 0, examples: [123.45] }),
    error: nullable<string>({ type: 'string', maxLength: 1000, examples: [null] }),
    environment: nullable<string>({ type: 'string', description: "Otherwise the batch's" }),
    agent_version: nullable<string>({ type: 'string', description: "Otherwise the batch's" }),
    trace_id: nullable<string>({ type: 'string', description: "Otherwise the request's" }),
    span_id: nullable<string>({ type: 'string', description: "Otherwise the request's" }),
  },
  { description: 'Members that are not named here pass through to Kafka untouched.' },
)

export type Metric = Static<typeof metricSchema>

/** What a batch says of itself, without its metrics, which get a verdict each. */
const envelopeMembers = {
  service_name: Type.String({ minLength: 1, maxLength: 255, examples: ['api-gateway'] }),
  environment: nullable<string>({
    type: 'string',
    maxLength: 50,
    default: environmentDefault,
    examples: ['production'],
  }),
  agent_version: nullable<string>({ type: 'string', maxLength: 50, default: agentVersionDefault, examples: ['0.1.0'] }),
  batch_size: Type.Optional(Type.Unsafe<unknown>({ description: 'Ignored', examples: [1] })),
}

/** The envelope of a batch: its metrics are counted here and judged one by one by `metricSchema`. */
export function envelopeSchema(maxBatchSize: number) {
  return Type.Object({
    metrics: Type.Unsafe<unknown[]>({ type: 'array', minItems: 1, maxItems: maxBatchSize }),
    ...envelopeMembers,
  })
}

export type Envelope = Static<ReturnType<typeof envelopeSchema>>

/** The whole batch in one schema, for documentation. */
export function batchSchema(maxBatchSize: number) {
  return Type.Object({
    metrics: Type.Array(metricSchema, { minItems: 1, maxItems: maxBatchSize }),
    ...envelopeMembers,
  })
}
