import type { Config } from '../config/config.js'

/**
 * Finds the embedded Kafka of a collector on this machine.
 *
 * @throws {Error} when no collector answers, it wants another API key, or it was not started with --dev
 */
export async function findDevKafka({ apiPort, apiKey }: Config): Promise<string> {
  const url = `http://127.0.0.1:${apiPort}/`
  const headers: Record<string, string> = apiKey === '' ? {} : { 'X-API-Key': apiKey }
  const response = await fetch(url, { headers }).catch(() => undefined)
  if (response === undefined) {
    throw new Error(
      `No collector answers on ${url}; VANTAGE_API_PORT names another port, vantage-collector --dev starts one`,
    )
  }
  if (response.status === 401 || response.status === 403) {
    const wants = `The collector on ${url} wants an API key with the scope read`
    throw new Error(`${wants}: set VANTAGE_API_KEY, or name its Kafka with --bootstrap`)
  }
  const information: unknown = await response.json()
  const found = typeof information === 'object' && information !== null && 'dev_kafka' in information
  if (!found) throw new Error(`The collector on ${url} was not started with --dev; name its Kafka with --bootstrap`)
  return String(information.dev_kafka)
}
