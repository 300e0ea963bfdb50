import type { TemplatedApp } from 'uWebSockets.js'
import type { IngestContext } from '../ingest/ingest.js'
import { createCors } from './cors.js'
import { createGuard } from './guard.js'
import { mount, type RouterContext } from './router.js'
import { batchesRoute } from './routes/batches.js'
import type { RouteContext } from './routes/context.js'
import { healthRoute, liveRoute, readyRoute } from './routes/health.js'
import { metricsRoute } from './routes/metrics.js'
import { openApiRoute } from './routes/openapi.js'
import { apiPageRoute, serviceRoute } from './routes/pages.js'
import { statsRoute } from './routes/stats.js'

export type AppContext = RouteContext & Omit<RouterContext, 'cors'> & { ingest: IngestContext }

/** Every route of the collector. Those that are guarded need the API key where authentication is on. */
export function addRoutes(app: TemplatedApp, context: AppContext): void {
  const { config } = context
  const guard = createGuard(config)
  const routes = {
    '/': { GET: serviceRoute(context) },
    '/v1/metrics': { POST: guard(batchesRoute(context.ingest)) },
    '/v1/stats': { GET: guard(statsRoute(context)) },
    '/metrics': { GET: guard(metricsRoute(context)) },
    '/health': { GET: healthRoute(context) },
    '/ready': { GET: readyRoute(context) },
    '/live': { GET: liveRoute },
    '/docs': { GET: apiPageRoute(config) },
    '/redoc': { GET: apiPageRoute(config) },
    '/openapi.json': { GET: openApiRoute(config) },
  }
  mount(app, routes, { ...context, cors: createCors(config) })
}
