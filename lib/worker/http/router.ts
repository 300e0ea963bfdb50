import { type Answer, toProblem } from '../../shared/answer.js'
import { Problem } from '../../shared/errors.js'
import { excerpt } from '../../shared/excerpt.js'
import type { Logger } from '../../shared/logger.js'
import { noRejections } from '../../shared/rejections.js'
import { labelSeparator, type Telemetry } from '../../telemetry/telemetry.js'
import type { HttpRequest, HttpResponse, TemplatedApp } from '../uwebsockets.js'
import type { Cors } from './cors.js'
import { Exchange } from './exchange.js'
import { RequestAborted } from './request-body.js'
import type { StalledRequests } from './stalled-requests.js'

export type Handler = (exchange: Exchange) => Answer | Promise<Answer>
export type Routes = Record<string, { GET: Handler } | { POST: Handler }>

export type RouterContext = {
  telemetry: Telemetry
  logger: Logger
  cors: Cors
  stalledRequests: StalledRequests
  activity: { requestStarted: () => void; requestEnded: () => void }
  /** Whether to end each connection after its answer, since the worker is going. */
  draining: () => boolean
}

/** For an agent that posts to a wrong address. */
const whatThereIs = '; batches go to POST /v1/metrics, and GET / lists all routes'

/** Many a client is configured with a slash behind the address. */
function withSlash(path: string): string[] {
  return /[*/]$/.test(path) ? [] : [`${path}/`]
}

/** Serves the routes, with HEAD where GET is, OPTIONS, 404 and 405; turns what handlers throw into problems. */
export function mount(app: TemplatedApp, routes: Routes, context: RouterContext): void {
  for (const [path, methods] of Object.entries(routes)) {
    const handlers: Partial<Record<string, Handler>> = methods
    const allow = [...Object.keys(methods), ...('GET' in methods ? ['HEAD'] : []), 'OPTIONS'].join(', ')
    for (const pattern of [path, ...withSlash(path)])
      app.any(pattern, (res, req) => serve(path, res, req, (exchange) => dispatch(exchange, handlers, allow)))
  }
  app.any('/*', (res, req) => {
    const path = req.getUrl()
    serve('other', res, req, () => {
      throw new Problem('VANTAGE_NOT_FOUND', `There is no route ${JSON.stringify(excerpt(path, 100))}${whatThereIs}`)
    })
  })

  function dispatch(
    exchange: Exchange,
    handlers: Partial<Record<string, Handler>>,
    allow: string,
  ): Answer | Promise<Answer> {
    const { method } = exchange
    const handler = handlers[method === 'HEAD' ? 'GET' : method]
    if (handler !== undefined) return handler(exchange)
    if (method === 'OPTIONS') return { status: 204, headers: { Allow: allow, ...context.cors.preflight(allow) } }
    throw new Problem('VANTAGE_METHOD_NOT_ALLOWED', `${excerpt(method, 20)} is not for this route, only ${allow}`, {
      headers: { Allow: allow },
    })
  }

  async function serve(route: string, res: HttpResponse, req: HttpRequest, handle: Handler): Promise<void> {
    const exchange = new Exchange(route, res, req, context.stalledRequests)
    const startedAt = performance.now()
    const corsHeaders = context.cors.headersFor(exchange.header('origin'))
    context.activity.requestStarted()
    const answer = await answerOf(route, exchange, handle)
    context.activity.requestEnded()
    exchange.trace.end(answer?.status)
    if (answer === undefined) return
    exchange.send(answer, corsHeaders, context.draining())
    noteRequest(route, answer.status, performance.now() - startedAt)
    const { method, trace } = exchange
    context.logger.debug({ method, route, status: answer.status, trace_id: trace.traceId }, 'request')
  }

  function noteRequest(route: string, status: number, durationMs: number): void {
    context.telemetry.count('httpRequests', `${route}${labelSeparator}${status}`)
    context.telemetry.observe('httpRequestDurationSeconds', durationMs / 1000, route)
  }

  /** Requests for unknown paths are counted, but not noted: they would only push bad batches out of the recent problems. */
  function noteProblem(route: string, { code, extras }: Problem, status: number): void {
    context.telemetry.count('problems', code)
    if (code === 'VANTAGE_NOT_FOUND' || code === 'VANTAGE_METHOD_NOT_ALLOWED') return
    context.telemetry.noteProblem({ route, status, code, rejections: extras.rejections ?? noRejections })
  }

  /** Undefined when the client has gone. */
  async function answerOf(route: string, exchange: Exchange, handle: Handler): Promise<Answer | undefined> {
    try {
      return await handle(exchange)
    } catch (error) {
      if (error instanceof RequestAborted) return undefined
      const problem = toProblem(error)
      if (problem.code === 'VANTAGE_INTERNAL') context.logger.error({ err: error }, 'a handler failed')
      const answer = exchange.format.problem(problem)
      noteProblem(route, problem, answer.status)
      return answer
    }
  }
}
