import type { Config } from '../../config/config.js'
import { originsOf } from '../../config/origins.js'

type Headers = Readonly<Record<string, string>>

export type Cors = {
  /** For each answer. `origin` is the page's that asks; '' where it is no page of another origin. */
  headersFor: (origin: string) => Headers
  preflight: (allow: string) => Headers
}

const none: Headers = {}

/** What a page may read of an answer beside what it always may: when to send again, and where its metrics are. */
const exposed = {
  'Access-Control-Expose-Headers':
    'Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Vantage-Durability',
}

/** What browsers of other origins may do (Fetch standard, section 3.3). */
export function createCors({ corsEnabled, corsOrigins, corsCredentials }: Config): Cors {
  const origins = new Set(originsOf(corsOrigins))
  if (!corsEnabled || origins.size === 0) return { headersFor: () => none, preflight: () => none }
  const preflight = (allow: string) => ({
    'Access-Control-Allow-Methods': allow,
    'Access-Control-Allow-Headers':
      'Content-Type, Content-Encoding, Authorization, X-API-Key, traceparent, X-Vantage-Trace-Id, X-Vantage-Span-Id',
    'Access-Control-Max-Age': '86400',
  })
  if (origins.has('*')) {
    const anyOrigin = { 'Access-Control-Allow-Origin': '*' }
    const toPages = { ...anyOrigin, ...exposed }
    return { headersFor: (origin) => (origin === '' ? anyOrigin : toPages), preflight }
  }
  const credentials = corsCredentials ? { 'Access-Control-Allow-Credentials': 'true' } : none
  return {
    headersFor(origin) {
      if (!origins.has(origin)) return { Vary: 'Origin' }
      return { 'Access-Control-Allow-Origin': origin, Vary: 'Origin', ...credentials, ...exposed }
    },
    preflight,
  }
}
