import { json } from '../../shared/answer.js'
import type { Config } from '../../shared/config.js'
import { type ProblemDefinition, problems } from '../../shared/errors.js'
import { batchSchema } from '../../shared/metric-schema.js'
import { version } from '../../shared/version.js'
import type { Handler } from '../router.js'

/** GET /openapi.json */
export function openApiRoute(config: Config): Handler {
  const answer = json(200, openApiDocument(config))
  return () => answer
}

/** The OpenAPI 3.1 document, made from the schemas that validate and the table of problems. */
export function openApiDocument({ maxBatchSize, authEnabled }: Pick<Config, 'maxBatchSize' | 'authEnabled'>) {
  const security = authEnabled ? { security: [{ apiKey: [] }, { bearer: [] }] } : {}
  const guarded = authEnabled ? problemResponses([401, 403]) : {}
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vantage Collector',
      version,
      description:
        'Takes metric batches and puts every accepted metric into Kafka. A 202 is sent when the brokers have acknowledged it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths: {
      '/v1/metrics': {
        post: {
          operationId: 'postMetrics',
          summary: 'Deliver a batch of metrics',
          description: 'Retry on 429 and 5xx after Retry-After seconds; drop on any other 4xx.',
          ...security,
          requestBody: {
            required: true,
            description: 'May be sent with Content-Encoding: gzip.',
            content: { 'application/json': { schema: reference('Batch') } },
          },
          responses: {
            202: {
              description: 'The metrics that metrics_accepted counts are acknowledged by Kafka.',
              content: { 'application/json': { schema: reference('Accepted') } },
            },
            ...problemResponses([400, 413, 415, 422, 429, 500, 503]),
            ...guarded,
          },
        },
      },
      '/v1/stats': {
        get: {
          operationId: 'getStats',
          summary: 'Figures of all workers of this machine',
          ...security,
          responses: {
            200: jsonObject('The figures, summed at this moment'),
            ...problemResponses([503]),
            ...guarded,
          },
        },
      },
      '/metrics': {
        get: {
          operationId: 'getPrometheusMetrics',
          summary: 'The same for Prometheus',
          ...security,
          responses: {
            200: {
              description: 'Prometheus text, or OpenMetrics',
              content: { 'text/plain': { schema: { type: 'string' } } },
            },
            ...problemResponses([503]),
            ...guarded,
          },
        },
      },
      '/health': {
        get: {
          operationId: 'getHealth',
          summary: 'What works and what does not',
          responses: { 200: jsonObject('Healthy or degraded'), 503: jsonObject('Unhealthy') },
        },
      },
      '/ready': {
        get: {
          operationId: 'getReadiness',
          summary: 'Whether a batch posted now would get 202',
          responses: { 200: jsonObject('Ready'), 503: jsonObject('Not ready, and why') },
        },
      },
      '/live': {
        get: {
          operationId: 'getLiveness',
          summary: 'Whether the process can answer',
          responses: { 200: jsonObject('Live') },
        },
      },
    },
    components: {
      schemas: { Batch: batchSchema(maxBatchSize), Accepted: acceptedSchema, Problem: problemSchema },
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

const count = { type: 'integer', minimum: 0 }

const acceptedSchema = {
  type: 'object',
  required: ['status', 'durability', 'metrics_received', 'metrics_accepted', 'metrics_rejected', 'message', 'errors'],
  properties: {
    status: { enum: ['accepted', 'partial'] },
    durability: { enum: ['kafka'], description: 'Where the metrics are: acknowledged by the brokers' },
    metrics_received: count,
    metrics_accepted: count,
    metrics_rejected: count,
    message: { type: 'string' },
    errors: {
      type: 'array',
      maxItems: 20,
      items: { type: 'string' },
      examples: [['metrics[3].value must be number']],
    },
  },
}

const problemSchema = {
  description: 'RFC 9457 problem details',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(problems) },
    errors: { type: 'array', maxItems: 20, items: { type: 'string' } },
    metrics_received: count,
    metrics_rejected: count,
  },
}

function reference(schema: string) {
  return { $ref: `#/components/schemas/${schema}` }
}

function jsonObject(description: string) {
  return { description, content: { 'application/json': { schema: { type: 'object' } } } }
}

/** A response for each status, with the codes that it can carry. */
function problemResponses(statuses: ProblemDefinition['status'][]) {
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = Object.entries(problems).filter(([, problem]) => problem.status === status)
      const description = codes.map(([code, { title }]) => `${code}: ${title}`).join('. ')
      return [status, { description, content: { 'application/problem+json': { schema: reference('Problem') } } }]
    }),
  )
}
