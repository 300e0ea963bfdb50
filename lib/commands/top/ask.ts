import { Ajv } from 'ajv'
import { type Stats, statsSchema } from '../../telemetry/stats-schema.js'
import { fetchFailure } from '../collector-access.js'

export type Door = { url: URL; apiKey: string }

const answerTimeoutMs = 5000
// Dates are only shown, so any text will do.
const isStats = new Ajv({ validateFormats: false }).compile<Stats>(statsSchema)

/**
 * The figures of a collector.
 *
 * @throws {Error} whose message says why they cannot be had, and what to do
 */
export async function askStats({ url, apiKey }: Door, signal: AbortSignal): Promise<Stats> {
  const response = await get({ url, apiKey }, signal)
  if (response.status === 401) throw new Error(keyProblem(apiKey))
  const value: unknown = await response.json().catch(() => undefined)
  if (response.ok && isStats(value)) return value
  if (response.ok) throw new Error(`What answers on ${url} is no collector of this version`)
  throw new Error(`${url} answers ${response.status}${detailOf(value)}`)
}

async function get({ url, apiKey }: Door, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, {
      headers: apiKey === '' ? {} : { 'X-API-Key': apiKey },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
    })
  } catch (error) {
    throw new Error(`${url.origin} does not answer: ${fetchFailure(error)}`)
  }
}

function keyProblem(apiKey: string): string {
  return apiKey === ''
    ? 'The collector wants an API key with the scope read: name a file with it by --key-file, or set VANTAGE_API_KEY'
    : 'The collector does not know this API key'
}

function detailOf(problem: unknown): string {
  return typeof problem === 'object' && problem !== null && 'detail' in problem ? `: ${problem.detail}` : ''
}
