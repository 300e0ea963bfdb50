import { createProblem, inJson } from '../../ingest/formats/otlp/answers.js'
import { Problem, type ProblemDefinition, problems } from '../../shared/errors.js'
import { namesOf } from '../../telemetry/telemetry.js'

const bytes = { type: 'string', format: 'binary' }
const problemInJson = createProblem(inJson)

const partialSuccess = { partialSuccess: { rejectedDataPoints: '1', errorMessage: '1 of 100 points rejected: ...' } }

/** What of an export request must be so that it can be read; other members are ignored. */
export const exportRequestSchema = {
  description: 'An ExportMetricsServiceRequest of OpenTelemetry (opentelemetry-proto, collector/metrics/v1)',
  type: 'object',
  // As in all JSON of protobuf, null is as if it were absent.
  properties: { resourceMetrics: { type: ['array', 'null'], items: { type: 'object' } } },
}

export const exportResponseSchema = {
  description: 'An ExportMetricsServiceResponse; empty where no point was rejected',
  type: 'object',
  properties: {
    partialSuccess: {
      type: 'object',
      properties: { rejectedDataPoints: { type: 'string', pattern: '^\\d+$' }, errorMessage: { type: 'string' } },
    },
  },
}

export const statusSchema = {
  description: 'A google.rpc.Status; message ends with the code of docs/errors.md',
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'integer' }, message: { type: 'string' } },
}

const exampleRequest = {
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeMetrics: [
        { metrics: [{ name: 'orders', gauge: { dataPoints: [{ timeUnixNano: '1701878400000000000', asInt: '1' }] } }] },
      ],
    },
  ],
}

/** As export requests come in protobuf, and are answered. */
export const protobufRequest = { 'application/x-protobuf': { schema: bytes } }

/** The 200, in both encodings. */
export const exported = {
  description: 'All points but the rejected ones are where X-Vantage-Durability says, or were skipped.',
  headers: { 'X-Vantage-Durability': { schema: { enum: ['kafka', 'journal', 'memory'] } } },
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/ExportResponse' },
      examples: { all: { value: {} }, partly: { value: partialSuccess } },
    },
    'application/x-protobuf': { schema: bytes },
  },
}

/** POST /otlp/v1/metrics. @param guarded statuses of what guards it */
export function exportOperation(security: object, guarded: readonly ProblemDefinition['status'][]) {
  return {
    operationId: 'exportMetrics',
    tags: ['Metrics'],
    summary: 'Deliver an export request of OpenTelemetry',
    description: 'Retry on 429 and 503 after Retry-After seconds. The same may be posted to /v1/metrics.',
    ...security,
    requestBody: {
      required: true,
      description: 'May be sent with Content-Encoding: gzip.',
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/ExportRequest' },
          examples: { gauge: { value: exampleRequest } },
        },
        ...protobufRequest,
      },
    },
    responses: { 200: exported, ...statusResponses([400, 413, 415, 417, 429, 503, ...guarded]) },
  }
}

/** A response for each status, with an example of each code that it can carry. Internal errors are answered 503, too. */
function statusResponses(statuses: readonly ProblemDefinition['status'][]) {
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = namesOf(problems).filter((code) => problemInJson(new Problem(code, '')).status === status)
      const description = codes.map((code) => `${code}: ${problems[code].title}`).join('. ')
      const examples = Object.fromEntries(
        codes.map((code) => [
          code,
          { value: JSON.parse(String(problemInJson(new Problem(code, problems[code].remedy)).body)) },
        ]),
      )
      const schema = { $ref: '#/components/schemas/Status' }
      const content = { 'application/json': { schema, examples }, 'application/x-protobuf': { schema: bytes } }
      return [status, { description, content }]
    }),
  )
}
