import { type Answer, json } from '../../shared/answer.js'
import { version } from '../../shared/version.js'
import type { Handler } from '../router.js'
import type { RouteContext } from './context.js'
import { openApiDocument } from './openapi.js'

const endpoints = {
  metrics: '/v1/metrics',
  stats: '/v1/stats',
  health: '/health',
  ready: '/ready',
  live: '/live',
  prometheus: '/metrics',
  docs: '/docs',
  redoc: '/redoc',
  openapi: '/openapi.json',
}

/** GET /: what this service is; a page for browsers. */
export function serviceRoute({ config, delivery, draining, dev }: RouteContext): Handler {
  return (exchange) => {
    const status = delivery.unavailability === undefined && !draining() ? 'operational' : 'unavailable'
    if (exchange.header('accept').includes('text/html')) {
      const links = Object.values(endpoints).map((path) => `<li><a href="${path}">${path}</a></li>`)
      return page(config.serviceName, `<p>Version ${version}, ${status}.</p><ul>${links.join('')}</ul>`)
    }
    return json(200, {
      service: config.serviceName,
      version,
      environment: config.environment,
      status,
      endpoints,
      // So that the tail command finds the embedded Kafka.
      ...(dev && { dev_kafka: config.kafkaBootstrapServers }),
    })
  }
}

/** GET /docs and /redoc: the operations in words. */
export function apiPageRoute(config: RouteContext['config']): Handler {
  const { paths } = openApiDocument(config)
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary, responses }]) => {
      const answers = Object.entries<{ description: string }>(responses).map(
        ([status, { description }]) => `<dt>${status}</dt><dd>${escapeHtml(description)}</dd>`,
      )
      return `<h2>${method.toUpperCase()} ${path}</h2><p>${escapeHtml(summary)}</p><dl>${answers.join('')}</dl>`
    }),
  )
  const answer = page(
    'Vantage Collector API',
    `<p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>${operations.join('')}`,
  )
  return () => answer
}

const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
}

function page(title: string, content: string): Answer {
  const style = 'body{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}'
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>`
  return {
    status: 200,
    headers: pageHeaders,
    body: `<!doctype html><html lang="en"><head>${head}<style>${style}</style></head><body><h1>${escapeHtml(title)}</h1>${content}</body></html>`,
  }
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
