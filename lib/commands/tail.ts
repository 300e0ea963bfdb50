import { parseArgs } from 'node:util'
import type { Config } from '../config/config.js'
import { connectionProperties } from '../delivery/connection-properties.js'
import type { Command } from './command.js'
import { findDevKafka } from './dev-kafka.js'
import { readTopic } from './topic-reader.js'

/** Prints records as they arrive in Kafka, so that newcomers see their metric come out. */
export const tailCommand: Command = {
  usage: `vantage-collector tail            print records as they arrive in Kafka
    --topic NAME                  instead of VANTAGE_KAFKA_TOPIC
    --bootstrap HOST:PORT,...     instead of VANTAGE_KAFKA_BOOTSTRAP_SERVERS
    --from-beginning              the records that are already there, too
    --dev                         the embedded Kafka of a collector on this machine, from the beginning
    --json                        one JSON object a line, with partition, offset, key and value
`,

  async run(args, { readConfig, print, note, signal }) {
    const { values: flags } = parseArgs({
      args,
      options: {
        topic: { type: 'string' },
        bootstrap: { type: 'string' },
        'from-beginning': { type: 'boolean', default: false },
        dev: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    const settings = readConfig()
    const config = flags.dev && flags.bootstrap === undefined ? await embedded(settings) : settings
    const topic = flags.topic ?? config.kafkaTopic
    const bootstrapServers = flags.bootstrap ?? config.kafkaBootstrapServers
    const fromBeginning = flags['from-beginning'] || flags.dev
    const connection = connectionProperties({ ...config, kafkaBootstrapServers: bootstrapServers })
    const { partitions, stop } = await readTopic({ connection, topic, fromBeginning }, (record) => {
      print(`${flags.json ? JSON.stringify(record) : record.value}\n`)
    })
    note(`Reading ${partitions} partitions of ${topic} on ${bootstrapServers}; Ctrl-C ends`)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await stop()
    return 0
  },
}

/** The settings for the embedded Kafka, which does not encrypt. */
async function embedded(config: Config): Promise<Config> {
  return { ...config, kafkaBootstrapServers: await findDevKafka(config), kafkaSecurityProtocol: 'plaintext' }
}
