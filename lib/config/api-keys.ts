import { createHash, randomBytes } from 'node:crypto'

/** What a key may do: post batches; see figures and pages. */
export const scopes = ['ingest', 'read'] as const
export type Scope = (typeof scopes)[number]

/** A key that clients may send. Of its text only the SHA-256 is known. */
export type ApiKey = { name: string; digest: Buffer; scopes: ReadonlySet<Scope> }

/** Each has counters of its own, so there is a bound. */
const maxKeys = 1000
const keyBytes = 32
/** Lets scanners for leaked secrets recognize a key. */
const keyPrefix = 'vck_'

const name = /^[A-Za-z0-9._-]{1,64}$/
const sha256 = /^[\da-f]{64}$/i
/** What every client can send as X-API-Key and as Authorization: Bearer, in headers that are not too large. */
const sendable = /^[!-~]{1,1024}$/

/**
 * Reads keys from lines of `name:sha256` (all scopes) or `name:sha256:scope,scope`; empty lines and those that begin
 * with # are skipped. A name may occur again, so that an old and a new key can both hold while agents change over.
 *
 * @returns the keys, and one text for each line that is wrong, such as "line 3: ..."
 */
export function parseApiKeys(text: string): { keys: ApiKey[]; mistakes: string[] } {
  const keys: ApiKey[] = []
  const mistakes: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const key = parseLine(line)
    if (typeof key === 'string') mistakes.push(`line ${index + 1}: ${key}`)
    else keys.push(key)
  }
  if (keys.length > maxKeys) mistakes.push(`${keys.length} keys; there may be ${maxKeys}`)
  return { keys, mistakes }
}

/** The key of a line, or what is wrong with it; never a word of the line itself, which may be a secret in clear. */
function parseLine(line: string): ApiKey | string {
  const [keyName = '', digest = '', listed = scopes.join(','), ...rest] = line.trim().split(':')
  if (rest.length > 0) return 'must be name:sha256 or name:sha256:scopes'
  if (!isKeyName(keyName)) return 'the name must be 1 to 64 letters, digits, dots, hyphens or underscores'
  if (!sha256.test(digest)) return 'the SHA-256 must be 64 hexadecimal digits'
  const granted = parseScopes(listed)
  if (granted === undefined) return `the scopes must be some of ${scopes.join(', ')}`
  return { name: keyName, digest: Buffer.from(digest, 'hex'), scopes: granted }
}

export function isSendable(key: string): boolean {
  return sendable.test(key)
}

export function isKeyName(text: string): boolean {
  return name.test(text)
}

/** The scopes of a comma-separated list; undefined if one of them does not exist. */
export function parseScopes(listed: string): ReadonlySet<Scope> | undefined {
  const named = listed.split(',').map((scope) => scopes.find((known) => known === scope.trim()))
  return named.includes(undefined) ? undefined : new Set(named.filter((scope) => scope !== undefined))
}

/** A new random key, and its line for VANTAGE_API_KEYS_FILE. */
export function createApiKey(keyName: string, granted: ReadonlySet<Scope>): { key: string; line: string } {
  const key = keyPrefix + randomBytes(keyBytes).toString('base64url')
  return { key, line: `${keyName}:${digestOf(key).toString('hex')}:${[...granted].join(',')}` }
}

/** Keys are long and random, so a plain hash keeps them: there is nothing to guess that a slow one would slow down. */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
