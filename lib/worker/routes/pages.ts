import type { Config } from '../../config/config.js'
import { json } from '../../shared/answer.js'
import { weightOf } from '../../shared/header-lists.js'
import { version } from '../../shared/version.js'
import type { Handler } from '../http/router.js'
import { type StaticFiles, serve } from '../http/static-files.js'
import type { RouteContext } from './context.js'

const endpoints = {
  metrics: '/v1/metrics',
  otlp_metrics: '/otlp/v1/metrics',
  stats: '/v1/stats',
  config: '/v1/config',
  health: '/health',
  ready: '/ready',
  live: '/live',
  prometheus: '/metrics',
  docs: '/docs',
  redoc: '/redoc',
  openapi: '/openapi.json',
}

/** GET /: what this service is; the live status page for browsers. */
export function serviceRoute({ config, condition, dev }: RouteContext, files: StaticFiles): Handler {
  const page = pageRoute(config, files, 'pages/status.html')
  return (exchange) => {
    if (prefersPage(exchange.header('accept'))) return page(exchange)
    const body = {
      service: config.serviceName,
      version,
      environment: config.environment,
      status: condition().state,
      endpoints,
      // So that the tail command finds the embedded Kafka.
      ...(dev && { dev_kafka: config.kafkaBootstrapServers }),
    }
    return { ...json(200, body), headers: { 'Content-Type': 'application/json', Vary: 'Accept' } }
  }
}

/** As a browser does, and not a program that lists whatever it can read. */
function prefersPage(accept: string): boolean {
  const weight = weightOf(accept, 'text/html')
  return weight > 0 && weight >= weightOf(accept, 'application/json')
}

/** Everything a page needs comes from this server, and nothing of it stands in the page itself. */
const policy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Makes browsers use HTTPS for this host. Not for long, since that holds for all of its ports, other programs' too. */
const strictTransport = { 'Strict-Transport-Security': 'max-age=86400' }

/** GET of a page; `more` widens its Content-Security-Policy. */
export function pageRoute(
  { tlsCertFile }: Config,
  files: StaticFiles,
  name: string,
  more: Record<string, string> = {},
): Handler {
  const directives = Object.entries({ ...policy, ...more }).map(([directive, sources]) => `${directive} ${sources}`)
  const headers = {
    'Content-Security-Policy': directives.join('; '),
    'X-Content-Type-Options': 'nosniff',
    // For browsers that do not know frame-ancestors.
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    ...(tlsCertFile !== '' && strictTransport),
  }
  return (exchange) => serve(files, name, exchange, headers)
}

/** ReDoc styles its parts by style elements that it makes. */
export const redocPolicy = { 'style-src': "'self' 'unsafe-inline'" }

/** GET /assets/*: scripts and styles of the pages, and nothing else. */
export function assetsRoute(files: StaticFiles): Handler {
  return (exchange) => {
    const name = exchange.path().slice('/assets/'.length)
    return serve(files, name, exchange, { 'X-Content-Type-Options': 'nosniff' })
  }
}
