import Type, { type Static } from 'typebox'

function checkOf<const S extends string[]>(...states: S) {
  return Type.Object({ status: Type.Enum(states, { type: 'string' }), message: Type.String() })
}

/** The answer of GET /health, which its readers rely on; /openapi.json is made from it. */
export const healthSchema = Type.Object({
  status: Type.Enum(['healthy', 'degraded', 'unhealthy'], {
    type: 'string',
    description: 'degraded: something does not work, and batches get 202 all the same',
  }),
  service: Type.String(),
  version: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  librdkafka: Type.Object(
    {
      version: Type.String(),
      features: Type.Array(Type.String(), { description: 'What it was compiled with, such as gzip, zstd or ssl' }),
    },
    { description: 'The client of Kafka that this collector runs on' },
  ),
  checks: Type.Object({
    kafka: checkOf('healthy', 'degraded', 'unhealthy'),
    journal: checkOf('healthy', 'unhealthy', 'off'),
    api: checkOf('healthy', 'draining'),
  }),
})

export type Health = Static<typeof healthSchema>
