import type { Config } from '../shared/config.js'

type Headers = Readonly<Record<string, string>>

export type Cors = {
  headersFor: (origin: string) => Headers
  preflight: (allow: string) => Headers
}

const none: Headers = {}

/** What browsers of other origins may do (Fetch standard, section 3.3). Credentials are never allowed. */
export function createCors({ corsEnabled, corsOrigins }: Config): Cors {
  if (!corsEnabled) return { headersFor: () => none, preflight: () => none }
  const anyOrigin = { 'Access-Control-Allow-Origin': '*' }
  const origins = new Set(corsOrigins.split(',').map((origin) => origin.trim()))
  return {
    headersFor(origin) {
      if (origins.has('*')) return anyOrigin
      return origins.has(origin) ? { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' } : { Vary: 'Origin' }
    },
    preflight: (allow) => ({
      'Access-Control-Allow-Methods': allow,
      'Access-Control-Allow-Headers':
        'Content-Type, Content-Encoding, Authorization, X-API-Key, traceparent, X-Vantage-Trace-Id, X-Vantage-Span-Id',
      'Access-Control-Max-Age': '86400',
    }),
  }
}
