import type { Config } from '../config/config.js'
import { tryJournal } from '../delivery/journal/trial.js'
import { createSilentDelivery } from './silent-delivery.js'

/**
 * What a valid configuration meets on this machine. `mistakes` have to be mended, `obstacles` may pass by themselves, `doubts`
 * are no reason to wait; `findings` say what is well.
 */
export type Trial = { findings: string[]; doubts: string[]; mistakes: string[]; obstacles: string[] }

const connectTimeoutMs = 10_000
const mebibyte = 2 ** 20

/** Tries the journal's directory and, where `connect` asks for it, the brokers and the topics. Changes nothing. */
export async function tryConfig(config: Config, connect: boolean): Promise<Trial> {
  const trial: Trial = { findings: [], doubts: [], mistakes: [], obstacles: [] }
  if (config.journalDir !== '') await tryJournalOf(config, trial)
  if (!connect) return trial
  const { kafkaTopic, kafkaDeadLetterTopic } = config
  for (const topic of [kafkaTopic, kafkaDeadLetterTopic]) if (topic !== '') await tryTopic(config, topic, trial)
  return trial
}

async function tryJournalOf({ journalDir, journalMaxMb }: Config, trial: Trial): Promise<void> {
  const { mistakes, doubts } = await tryJournal(journalDir, journalMaxMb * mebibyte)
  const named = `VANTAGE_JOURNAL_DIR=${journalDir}`
  trial.mistakes.push(...mistakes.map((mistake) => `${named} cannot be used: ${mistake}`))
  trial.doubts.push(...doubts.map((doubt) => `${named}: ${doubt}`))
  if (mistakes.length + doubts.length === 0) trial.findings.push(`The journal can be written: ${journalDir}`)
}

/** As a worker does before it takes batches: the brokers answer, the topic has leaders, the producer may send. */
async function tryTopic(config: Config, topic: string, { findings, obstacles }: Trial): Promise<void> {
  const alone = { journalDir: '', durability: 'kafka', kafkaDeadLetterTopic: '', deadLetterInvalid: false } as const
  const { delivery } = await createSilentDelivery({ ...config, ...alone, kafkaTopic: topic })
  await delivery.start(connectTimeoutMs)
  const { up, message, partial } = delivery.kafka
  if (up && partial !== true) findings.push(`Kafka takes records: ${message}`)
  else obstacles.push(`Kafka takes no records for ${topic}, or not all, after ${connectTimeoutMs / 1000} s: ${message}`)
  await delivery.stop(0)
}
