import { timingSafeEqual } from 'node:crypto'
import { type ApiKey, digestOf, parseApiKeys, type Scope, scopes } from '../../config/api-keys.js'
import type { Config } from '../../config/config.js'
import { Problem } from '../../shared/errors.js'
import { weightOf } from '../../shared/header-lists.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Exchange } from '../http/exchange.js'
import type { Handler } from '../http/router.js'

/** Wraps a handler so that it needs an API key with this scope, and a client certificate, where these are asked for. */
export type Guard = (scope: Scope, handler: Handler) => Handler

const realm = 'realm="vantage-collector"'

export function createGuard(config: Config, telemetry: Telemetry): Guard {
  const guard = createKeyGuard(config, telemetry)
  if (config.tlsCaFile === '') return guard
  return (scope, handler) => requireCertificate(guard(scope, handler))
}

/** Who shows a certificate that is not signed by the CA does not get here: the handshake fails. */
function requireCertificate(handler: Handler): Handler {
  return (exchange) => {
    if (exchange.showsCertificate()) return handler(exchange)
    throw new Problem('VANTAGE_CLIENT_CERTIFICATE_REQUIRED', 'Show a certificate signed by the CA of this collector')
  }
}

function createKeyGuard(config: Config, telemetry: Telemetry): Guard {
  if (!config.authEnabled) return (_, handler) => handler
  const find = createKeyring(config)
  return (scope, handler) => (exchange) => {
    const presented = credentials(exchange, scope)
    const challenge = { headers: { 'WWW-Authenticate': challengeFor(exchange, scope) } }
    if (presented === '') {
      throw new Problem('VANTAGE_API_KEY_REQUIRED', 'Send X-API-Key or Authorization: Bearer', challenge)
    }
    const key = find(presented)
    if (key === undefined) {
      throw new Problem('VANTAGE_API_KEY_INVALID', 'The API key is not one of this collector', challenge)
    }
    telemetry.count('apiKeyRequests', key.name)
    if (!key.scopes.has(scope)) {
      throw new Problem('VANTAGE_API_KEY_SCOPE', `The API key ${key.name} lacks the scope ${scope}`)
    }
    exchange.keyName = key.name
    return handler(exchange)
  }
}

/**
 * Finds a key by what a client sends. Keys are looked up by the first two bytes of their SHA-256, then compared in
 * constant time, so the time it takes says nothing about a key.
 */
function createKeyring({ apiKey, apiKeys }: Config): (presented: string) => ApiKey | undefined {
  const { keys } = parseApiKeys(apiKeys)
  if (apiKey !== '') keys.push({ name: 'default', digest: digestOf(apiKey), scopes: new Set(scopes) })
  const groups = new Map<number, ApiKey[]>()
  for (const key of keys) groups.set(groupOf(key.digest), [...(groups.get(groupOf(key.digest)) ?? []), key])
  return (presented) => {
    const digest = digestOf(presented)
    return groups.get(groupOf(digest))?.find((key) => timingSafeEqual(key.digest, digest))
  }
}

function groupOf(digest: Buffer): number {
  return digest.readUInt16BE(0)
}

function credentials({ header }: Exchange, scope: Scope): string {
  const [, scheme = '', token = ''] = /^(\w+) +(\S+)\s*$/.exec(header('authorization')) ?? []
  const key = header('x-api-key')
  if (key !== '') return key
  if (scheme.toLowerCase() === 'bearer') return token
  // Browsers send a password again by themselves, even for a page of another origin: good for looking, not for posting.
  if (scheme.toLowerCase() === 'basic' && scope === 'read') return passwordOf(token)
  return ''
}

/** RFC 7617: base64 of user:password. The key is the password; any user will do. */
function passwordOf(token: string): string {
  const pair = Buffer.from(token, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

/** A browser that opens a page asks its user for a password; a program would not know what to do with that. */
function challengeFor({ header }: Exchange, scope: Scope): string {
  const browser = scope === 'read' && weightOf(header('accept'), 'text/html') > 0
  return browser ? `Basic ${realm}, charset="UTF-8"` : `Bearer ${realm}`
}
