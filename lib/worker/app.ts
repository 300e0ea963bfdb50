import type { Formats } from '../ingest/formats/formats.js'
import type { IngestContext } from '../ingest/ingest.js'
import { createIdentify } from './access/client.js'
import { createGuard } from './access/guard.js'
import { createCors } from './http/cors.js'
import { mount, type RouterContext } from './http/router.js'
import { StaticFiles } from './http/static-files.js'
import type { RouteContext } from './routes/context.js'
import { healthRoute, liveRoute, readyRoute } from './routes/health.js'
import { batchesRoute } from './routes/metrics.js'
import { openApiRoute } from './routes/openapi.js'
import { assetsRoute, pageRoute, redocPolicy, serviceRoute } from './routes/pages.js'
import { metricsRoute } from './routes/prometheus.js'
import { configRoute, statsRoute } from './routes/stats.js'
import type { Tracing } from './tracing/tracing.js'
import type { TemplatedApp } from './uwebsockets.js'

export type AppContext = RouteContext &
  Omit<RouterContext, 'cors'> & { formats: Formats; ingest: IngestContext; tracing: Tracing }

/** Every route of the collector. Those that are guarded need an API key where authentication is on. */
export function addRoutes(app: TemplatedApp, context: AppContext): void {
  const { config, formats } = context
  const guard = createGuard(config, context.telemetry)
  const identify = createIdentify(config)
  const files = new StaticFiles()
  const routes = {
    '/': { GET: guard('read', serviceRoute(context, files)) },
    '/v1/metrics': { POST: batchesRoute([formats.vantage, formats.otlpProtobuf], context, guard, identify) },
    '/otlp/v1/metrics': { POST: batchesRoute([formats.otlpJson, formats.otlpProtobuf], context, guard, identify) },
    '/v1/stats': { GET: guard('read', statsRoute(context)) },
    '/v1/config': { GET: guard('read', configRoute(context)) },
    '/metrics': { GET: guard('read', metricsRoute(context)) },
    '/health': { GET: healthRoute(context) },
    '/ready': { GET: readyRoute(context) },
    '/live': { GET: liveRoute },
    '/docs': { GET: guard('read', pageRoute(config, files, 'pages/docs.html')) },
    '/redoc': { GET: guard('read', pageRoute(config, files, 'pages/redoc.html', redocPolicy)) },
    '/assets/*': { GET: assetsRoute(files) },
    '/openapi.json': { GET: guard('read', openApiRoute(config)) },
  }
  mount(app, routes, { ...context, cors: createCors(config) })
}
