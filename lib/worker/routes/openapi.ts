import type { Config } from '../../config/config.js'
import { batchSchema } from '../../ingest/formats/vantage/metric-schema.js'
import { json, problemAnswer } from '../../shared/answer.js'
import { Problem, type ProblemCode, type ProblemDefinition, type ProblemExtras, problems } from '../../shared/errors.js'
import { version } from '../../shared/version.js'
import { type Health, healthSchema } from '../../telemetry/health-schema.js'
import { statsSchema } from '../../telemetry/stats-schema.js'
import { namesOf } from '../../telemetry/telemetry.js'
import type { Handler } from '../http/router.js'
import {
  exported,
  exportOperation,
  exportRequestSchema,
  exportResponseSchema,
  protobufRequest,
  statusSchema,
} from './openapi-otlp.js'

/** GET /openapi.json */
export function openApiRoute(config: Config): Handler {
  const answer = json(200, openApiDocument(config))
  return () => answer
}

/** The OpenAPI 3.1 document, made from the schemas that validate and the table of problems. */
export function openApiDocument(config: Pick<Config, 'maxBatchSize' | 'authEnabled' | 'tlsCaFile'>) {
  const { maxBatchSize, authEnabled, tlsCaFile } = config
  const security = authEnabled ? { security: [{ apiKey: [] }, { bearer: [] }] } : {}
  const guards: ProblemDefinition['status'][] = authEnabled ? [401, 403] : tlsCaFile === '' ? [] : [403]
  const guarded = problemResponses(guards)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vantage Collector',
      version,
      description:
        'Takes metrics of agents, as JSON of its own and as OTLP, and puts every accepted metric into Kafka. A success is answered when the brokers have acknowledged it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'Metrics', description: 'For agents' },
      { name: 'Figures', description: 'For operators' },
      { name: 'Probes', description: 'For load balancers and orchestrators' },
    ],
    paths: {
      '/v1/metrics': {
        post: {
          operationId: 'postMetrics',
          tags: ['Metrics'],
          summary: 'Deliver a batch of metrics',
          description:
            'Retry on 429 and 5xx after Retry-After seconds; drop on any other 4xx. Export requests of OpenTelemetry are taken, and answered, as at /otlp/v1/metrics: in protobuf, and in JSON whose first member is resourceMetrics.',
          ...security,
          requestBody: {
            required: true,
            description: 'May be sent with Content-Encoding: gzip.',
            content: {
              'application/json': { schema: reference('Batch'), examples: { batch: { value: exampleBatch } } },
              ...protobufRequest,
            },
          },
          responses: {
            200: exported,
            202: {
              description: 'The metrics that metrics_accepted counts are where durability says.',
              content: { 'application/json': { schema: reference('Accepted'), examples: acceptedExamples } },
            },
            ...problemResponses([400, 413, 415, 417, 422, 429, 500, 503]),
            ...guarded,
          },
        },
      },
      '/otlp/v1/metrics': { post: exportOperation(security, guards) },
      '/v1/stats': {
        get: {
          operationId: 'getStats',
          tags: ['Figures'],
          summary: 'Figures of all workers of this machine',
          ...security,
          responses: {
            200: {
              description: 'The figures, summed at this moment',
              content: { 'application/json': { schema: reference('Stats') } },
            },
            ...problemResponses([503]),
            ...guarded,
          },
        },
      },
      '/v1/config': {
        get: {
          operationId: 'getConfig',
          tags: ['Figures'],
          summary: 'The settings, without their secrets',
          ...security,
          responses: {
            200: jsonObject('Each setting by its environment variable', { VANTAGE_KAFKA_TOPIC: 'metrics-raw' }),
            ...guarded,
          },
        },
      },
      '/metrics': {
        get: {
          operationId: 'getPrometheusMetrics',
          tags: ['Figures'],
          summary: 'The figures for Prometheus',
          ...security,
          responses: {
            200: {
              description: 'Prometheus text, or OpenMetrics',
              content: {
                'text/plain': { schema: { type: 'string' }, example: 'vantage_collector_metrics_received_total 1\n' },
                'application/openmetrics-text': { schema: { type: 'string' } },
              },
            },
            ...problemResponses([503]),
            ...guarded,
          },
        },
      },
      '/health': {
        get: {
          operationId: 'getHealth',
          tags: ['Probes'],
          summary: 'What works and what does not',
          responses: {
            200: healthResponse('Healthy, or degraded: batches get 202', healthExamples.taken),
            503: healthResponse('Unhealthy: metrics are deferred', healthExamples.refused),
          },
        },
      },
      '/ready': {
        get: {
          operationId: 'getReadiness',
          tags: ['Probes'],
          summary: 'Whether a batch posted now would get 202',
          responses: {
            200: jsonObject('Ready', { status: 'ready' }),
            503: jsonObject('Not ready, and why', { status: 'not ready', reason: 'Shutting down' }),
          },
        },
      },
      '/live': {
        get: {
          operationId: 'getLiveness',
          tags: ['Probes'],
          summary: 'Whether the process can answer',
          responses: { 200: jsonObject('Alive', { status: 'alive' }) },
        },
      },
    },
    components: {
      schemas: {
        Batch: batchSchema(maxBatchSize),
        Accepted: acceptedSchema,
        Problem: problemSchema,
        ExportRequest: exportRequestSchema,
        ExportResponse: exportResponseSchema,
        Status: statusSchema,
        Stats: statsSchema,
        Health: healthSchema,
      },
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

const exampleBatch = {
  service_name: 'api-gateway',
  environment: 'production',
  metrics: [
    {
      timestamp: 1701878400000,
      service_name: 'api-gateway',
      metric_name: 'http.request.duration',
      metric_type: 'histogram',
      value: 123.45,
      tags: { region: 'us-east-1' },
    },
  ],
}

const acceptedExamples = {
  accepted: {
    value: {
      status: 'accepted',
      durability: 'kafka',
      metrics_received: 1,
      metrics_accepted: 1,
      metrics_rejected: 0,
      message: '1 metric acknowledged by Kafka',
      errors: [],
    },
  },
  partial: {
    value: {
      status: 'partial',
      durability: 'kafka',
      metrics_received: 100,
      metrics_accepted: 99,
      metrics_rejected: 1,
      message: '99 metrics acknowledged by Kafka',
      errors: ['metrics[3].value must be number'],
    },
  },
}

const journalTakes = { status: 'healthy', message: 'Takes batches' } as const
const journalFull = { status: 'unhealthy', message: 'The journal holds 1024 MiB, as much as it may' } as const

const healthExamples = {
  taken: {
    healthy: { value: exampleHealth('healthy', 'Acknowledges', journalTakes) },
    degraded: { value: exampleHealth('degraded', 'No broker answers', journalTakes) },
  },
  refused: { unhealthy: { value: exampleHealth('unhealthy', 'No broker answers', journalFull) } },
}

function exampleHealth(status: Health['status'], kafka: string, journal: Health['checks']['journal']): Health {
  return {
    status,
    service: 'vantage-collector',
    version,
    timestamp: '2026-01-31T12:00:00.000Z',
    librdkafka: { version: '2.12.0', features: ['gzip', 'snappy', 'ssl', 'sasl', 'lz4', 'zstd'] },
    checks: {
      kafka: { status: status === 'healthy' ? 'healthy' : 'unhealthy', message: kafka },
      journal,
      api: { status: 'healthy', message: 'Listening' },
    },
  }
}

const count = { type: 'integer', minimum: 0 }

const acceptedSchema = {
  type: 'object',
  required: ['status', 'durability', 'metrics_received', 'metrics_accepted', 'metrics_rejected', 'message', 'errors'],
  properties: {
    status: { enum: ['accepted', 'partial'] },
    durability: {
      enum: ['kafka', 'journal', 'memory'],
      description: 'Where the metrics are: acknowledged by the brokers, on the disk of the collector, or in its memory',
    },
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

function healthResponse(description: string, examples: Record<string, { value: Health }>) {
  return { description, content: { 'application/json': { schema: reference('Health'), examples } } }
}

function jsonObject(description: string, example: object) {
  return { description, content: { 'application/json': { schema: { type: 'object' }, example } } }
}

/** What the answer to a batch says beside what it always says. */
const exampleExtras: Partial<Record<ProblemCode, ProblemExtras>> = {
  VANTAGE_INVALID_BATCH: {
    errors: ['service_name is required'],
    metricsReceived: 1,
    rejections: { 'batch.service_name.required': 1 },
  },
  VANTAGE_NO_VALID_METRICS: {
    errors: ['metrics[0].value must be number'],
    metricsReceived: 1,
    rejections: { 'value.type': 1 },
  },
}

/** A response for each status, with the codes that it can carry and an example of each. */
function problemResponses(statuses: ProblemDefinition['status'][]) {
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = namesOf(problems).filter((code) => problems[code].status === status)
      const description = codes.map((code) => `${code}: ${problems[code].title}`).join('. ')
      const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code) }]))
      const content = { 'application/problem+json': { schema: reference('Problem'), examples } }
      return [status, { description, content }]
    }),
  )
}

function exampleProblem(code: ProblemCode): unknown {
  const { body = '' } = problemAnswer(new Problem(code, problems[code].remedy, exampleExtras[code]))
  return JSON.parse(body.toString())
}
