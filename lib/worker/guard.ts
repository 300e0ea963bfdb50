import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config } from '../shared/config.js'
import { Problem } from '../shared/errors.js'
import type { Handler } from './router.js'

const challenge = { headers: { 'WWW-Authenticate': 'Bearer realm="vantage-collector"' } }

/** Wraps handlers so that they need the API key, where authentication is on. */
export function createGuard({ authEnabled, apiKey }: Config): (handler: Handler) => Handler {
  if (!authEnabled) return (handler) => handler
  const expected = digest(apiKey)
  return (handler) => (exchange) => {
    const key = exchange.header('x-api-key') || bearer(exchange.header('authorization'))
    if (key === '') throw new Problem('VANTAGE_API_KEY_REQUIRED', 'Send X-API-Key or Authorization: Bearer', challenge)
    // Digests have one length, as timingSafeEqual wants, and comparing them tells nothing of the key.
    if (!timingSafeEqual(digest(key), expected)) {
      throw new Problem('VANTAGE_API_KEY_INVALID', 'The API key is not one of this collector', challenge)
    }
    return handler(exchange)
  }
}

function bearer(authorization: string): string {
  return /^Bearer +(\S+)\s*$/i.exec(authorization)?.[1] ?? ''
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
