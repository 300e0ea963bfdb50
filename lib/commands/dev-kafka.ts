/**
 * Where the embedded Kafka of a collector on this machine is.
 *
 * @throws {Error} when no collector answers, or it was not started with --dev
 */
export async function findDevKafka(port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}/`
  const response = await fetch(url).catch(() => undefined)
  if (response === undefined) throw new Error(`No collector answers on ${url}; start one with: npm run dev`)
  const information: unknown = await response.json()
  const found = typeof information === 'object' && information !== null && 'dev_kafka' in information
  if (!found) throw new Error(`The collector on ${url} was not started with --dev; name its Kafka with --bootstrap`)
  return String(information.dev_kafka)
}
