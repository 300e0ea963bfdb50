import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { messageOf } from '../shared/errors.js'
import { UsageError } from './command.js'

/**
 * Where a route is of the collector that --url names, by its base, which may be behind a path of a proxy, or by one of its
 * routes; of this machine's without it.
 *
 * @throws {UsageError} when --url is none
 */
export function routeUrl(flag: string | undefined, { apiPort, tlsCertFile }: Config, route: string): URL {
  const text = flag ?? `${tlsCertFile === '' ? 'http' : 'https'}://localhost:${apiPort}`
  if (!/^https?:/i.test(text) || !URL.canParse(text)) throw new UsageError(`--url ${text} is no http or https URL`)
  const url = new URL(text)
  url.pathname = url.pathname.replace(/(?:\/v1\/(?:metrics|stats))?\/?$/, '') + route
  return url
}

/** The key that --key-file names, else VANTAGE_API_KEY; '' for none. */
export async function readApiKey(keyFile: string | undefined, { apiKey }: Config): Promise<string> {
  return keyFile === undefined ? apiKey : (await readFile(keyFile, 'utf8')).trim()
}

/** Of a failed fetch, the system's words rather than "fetch failed". */
export function fetchFailure(error: unknown): string {
  const { cause } = error instanceof Error ? error : { cause: undefined }
  return cause instanceof Error && cause.message !== '' ? cause.message : messageOf(error)
}
