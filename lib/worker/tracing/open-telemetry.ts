import { setTimeout as pause } from 'node:timers/promises'
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Config } from '../../config/config.js'
import { type RequestTrace, type Stage, untraced } from '../../ingest/request-trace.js'
import type { TraceContext } from '../../ingest/trace-context.js'
import type { Logger } from '../../shared/logger.js'
import { version } from '../../shared/version.js'
import { createSampler } from './sampler.js'
import type { Tracing } from './tracing.js'

/** Spans of requests and of their stages, sent by OTLP over HTTP. Spans that cannot be sent are dropped, never waited for. */
export class OpenTelemetryTracing implements Tracing {
  readonly #provider: TracerProvider
  readonly #tracer: Tracer

  constructor(config: Config, logger: Logger) {
    const url = `${config.otelExporterOtlpEndpoint.replace(/\/$/, '')}/v1/traces`
    this.#provider = new TracerProvider({
      sampler: createSampler(config),
      resource: resourceFromAttributes({
        'service.name': config.serviceName,
        'service.version': version,
        'deployment.environment.name': config.environment,
        'process.pid': process.pid,
      }),
      // It holds 2048 spans at most, and sends what has gathered every 5 seconds.
      spanProcessors: [new BatchSpanProcessor({ exporter: withNews(new OTLPTraceExporter({ url }), logger) })],
    })
    this.#tracer = this.#provider.getTracer('vantage-collector', version)
  }

  start(method: string, route: string, context: TraceContext): RequestTrace {
    const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method, 'http.route': route } }
    const span = this.#tracer.startSpan(`${method} ${route}`, options, parentOf(context))
    return span.isRecording() ? new Trace(this.#tracer, span, context) : untraced(context)
  }

  async stop(timeoutMs: number): Promise<void> {
    await Promise.race([this.#provider.shutdown(), pause(timeoutMs, undefined, { ref: false })])
  }
}

function parentOf({ parent }: TraceContext): Context {
  if (parent === undefined) return ROOT_CONTEXT
  const { traceId, spanId, sampled } = parent
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** One sampled request: its span, and one for each stage. */
class Trace implements RequestTrace {
  readonly context: TraceContext
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #inSpan: Context
  #stage: Span | undefined

  constructor(tracer: Tracer, span: Span, context: TraceContext) {
    this.context = context
    this.#tracer = tracer
    this.#span = span
    this.#inSpan = trace.setSpan(ROOT_CONTEXT, span)
  }

  get traceId(): string {
    return this.#span.spanContext().traceId
  }

  enter(stage: Stage): void {
    this.#stage?.end()
    this.#stage = this.#tracer.startSpan(stage, {}, this.#inSpan)
  }

  note(attributes: Record<string, string | number>): void {
    for (const [name, value] of Object.entries(attributes)) this.#stage?.setAttribute(`vantage.${name}`, value)
  }

  end(status: number | undefined): void {
    // A request that is answered with less than success has failed at the stage that it had come to.
    if (status === undefined || status >= 400) this.#stage?.setStatus({ code: SpanStatusCode.ERROR })
    if (status === undefined || status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR })
    if (status !== undefined) this.#span.setAttribute('http.response.status_code', status)
    this.#stage?.end()
    this.#span.end()
  }
}

/** Logs that spans cannot be sent, once, and that they can be again. */
function withNews(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed && !failing) logger.warn({ err: result.error }, 'spans cannot be sent and are dropped')
        if (!failed && failing) logger.info('spans are sent again')
        failing = failed
        onResult(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
