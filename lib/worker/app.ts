import type { IngestContext } from '../ingest/ingest.js'
import { createIdentify } from './client.js'
import { createCors } from './cors.js'
import { createGuard } from './guard.js'
import { mount, type RouterContext } from './router.js'
import { batchesRoute } from './routes/batches.js'
import type { RouteContext } from './routes/context.js'
import { healthRoute, liveRoute, readyRoute } from './routes/health.js'
import { metricsRoute } from './routes/metrics.js'
import { openApiRoute } from './routes/openapi.js'
import { assetsRoute, pageRoute, redocPolicy, serviceRoute } from './routes/pages.js'
import { configRoute, statsRoute } from './routes/stats.js'
import { StaticFiles } from './static-files.js'
import type { Tracing } from './tracing.js'
import type { TemplatedApp } from './uwebsockets.js'

export type AppContext = RouteContext & Omit<RouterContext, 'cors'> & { ingest: IngestContext; tracing: Tracing }

/** Every route of the collector. Those that are guarded need an API key where authentication is on. */
export function addRoutes(app: TemplatedApp, context: AppContext): void {
  const { config } = context
  const guard = createGuard(config, context.telemetry)
  const files = new StaticFiles()
  const routes = {
    '/': { GET: guard('read', serviceRoute(context, files)) },
    '/v1/metrics': { POST: guard('ingest', batchesRoute(context, createIdentify(config))) },
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
