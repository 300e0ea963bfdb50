// Fastify with ajv in front of a pure JavaScript Kafka client: what one would write in an afternoon. A record a metric,
// acks=all, gzip; the 202 waits for the acknowledgement. Started by ../peers.ts, in the folder where its packages are.

import cluster from 'node:cluster'
import { createRequire } from 'node:module'

const { BOOTSTRAP, TOPIC, PORT, CLIENT, WORKERS = '2' } = process.env
const require = createRequire(`${process.cwd()}/`)

if (cluster.isPrimary) for (let n = 0; n < Number(WORKERS); n++) cluster.fork()
else await serve()

async function serve() {
  const send = await (CLIENT === 'kafkajs' ? connectKafkaJs() : connectPlatformatic())
  const app = require('fastify')({ bodyLimit: 10 * 2 ** 20 })
  const text = (maxLength) => ({ type: 'string', minLength: 1, maxLength })
  const metric = {
    type: 'object',
    required: ['timestamp', 'service_name', 'metric_name', 'metric_type', 'value'],
    properties: {
      timestamp: { type: 'integer' },
      service_name: text(255),
      metric_name: text(255),
      metric_type: { enum: ['counter', 'gauge', 'histogram'] },
      value: { type: 'number' },
      tags: { type: 'object', additionalProperties: { type: 'string' } },
    },
  }
  const body = {
    type: 'object',
    required: ['metrics', 'service_name'],
    properties: {
      metrics: { type: 'array', minItems: 1, maxItems: 1000, items: metric },
      service_name: text(255),
      environment: { type: 'string', default: 'development' },
      agent_version: { type: 'string', default: 'unknown' },
    },
  }
  app.get('/ready', async () => ({}))
  app.post('/v1/metrics', { schema: { body } }, async ({ body }, reply) => {
    const { metrics, service_name: key, environment, agent_version } = body
    await send(metrics.map((metric) => ({ key, value: JSON.stringify({ ...metric, environment, agent_version }) })))
    return reply.code(202).send({ status: 'accepted', metrics_accepted: metrics.length })
  })
  await app.listen({ host: '127.0.0.1', port: Number(PORT) })
}

async function connectKafkaJs() {
  const { Kafka, CompressionTypes, logLevel } = require('kafkajs')
  const producer = new Kafka({ brokers: [BOOTSTRAP], logLevel: logLevel.ERROR }).producer()
  await producer.connect()
  return (messages) => producer.send({ topic: TOPIC, messages, acks: -1, compression: CompressionTypes.GZIP })
}

async function connectPlatformatic() {
  // It asks for it, and Node 20 does not have it.
  Promise.withResolvers ??= () => {
    const deferred = {}
    deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }))
    return deferred
  }
  const { Producer, ProduceAcks, stringSerializers } = require('@platformatic/kafka')
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [BOOTSTRAP],
    serializers: stringSerializers,
    compression: 'gzip',
    acks: ProduceAcks.ALL,
  })
  return (messages) => producer.send({ messages: messages.map((message) => ({ topic: TOPIC, ...message })) })
}
