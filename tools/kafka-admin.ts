import { promisify } from 'node:util'
import Kafka, { type IAdminClient } from 'node-rdkafka'

/** A broker that was killed looks through its log first, and shares its cores with all that runs beside it. */
const answerTimeoutMs = 120_000
const countTimeoutMs = 60_000

export type TopicDescription = {
  topic: string
  partitions: number
  replicas?: number
  /** The topic's own settings, such as max.message.bytes. */
  config?: Record<string, string>
}

export function createTopic(bootstrap: string, description: TopicDescription): Promise<void> {
  const { topic, partitions, replicas = 1, config = {} } = description
  const request = { topic, num_partitions: partitions, replication_factor: replicas, config }
  return administer(bootstrap, (admin, done) => admin.createTopic(request, done))
}

export function deleteTopic(bootstrap: string, topic: string): Promise<void> {
  return administer(bootstrap, (admin, done) => admin.deleteTopic(topic, done))
}

/** Resolves when a broker there answers a question. */
export async function kafkaAnswers(bootstrap: string): Promise<void> {
  const producer = new Kafka.Producer({ 'bootstrap.servers': bootstrap, 'reconnect.backoff.max.ms': 200 })
  // Until there is a broker, librdkafka reports that there is none.
  producer.on('event.error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    producer.connect({ timeout: answerTimeoutMs }, (error) => (error ? reject(new Error(error.message)) : resolve()))
  })
  await new Promise((resolve) => producer.disconnect(resolve))
}

/** How many records a topic holds, by the offsets of its ends. */
export async function countRecords(bootstrap: string, topic: string): Promise<number> {
  const partitions = await watermarksOf(bootstrap, topic)
  return partitions.reduce((sum, { lowOffset, highOffset }) => sum + highOffset - lowOffset, 0)
}

/** How many records have come into a topic, those that it has dropped since included. */
export async function countArrivals(bootstrap: string, topic: string): Promise<number> {
  const partitions = await watermarksOf(bootstrap, topic)
  return partitions.reduce((sum, { highOffset }) => sum + highOffset, 0)
}

async function watermarksOf(bootstrap: string, topic: string): Promise<Kafka.WatermarkOffsets[]> {
  const client = new Kafka.Producer({ 'bootstrap.servers': bootstrap })
  const metadata = await new Promise<Kafka.Metadata>((resolve, reject) => {
    client.connect({ topic, allTopics: false, timeout: countTimeoutMs }, (error, data) =>
      error ? reject(new Error(error.message)) : resolve(data),
    )
  })
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? []
  const offsets = promisify<string, number, number, Kafka.WatermarkOffsets>(client.queryWatermarkOffsets.bind(client))
  const watermarks = await Promise.all(partitions.map(({ id }) => offsets(topic, id, countTimeoutMs)))
  await new Promise<void>((resolve) => client.disconnect(() => resolve()))
  return watermarks
}

type Done = (error: { message: string } | null | undefined) => void

async function administer(bootstrap: string, ask: (admin: IAdminClient, done: Done) => void): Promise<void> {
  const admin = Kafka.AdminClient.create({ 'bootstrap.servers': bootstrap })
  try {
    await new Promise<void>((resolve, reject) => {
      ask(admin, (error) => (error ? reject(new Error(error.message)) : resolve()))
    })
  } finally {
    admin.disconnect()
  }
}
