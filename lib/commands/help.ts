import { describeLimits } from '../config/describe.js'
import { configSchema, defaultOf, descriptionOf } from '../config/schema.js'
import { variableOf } from '../config/variables.js'
import { commands } from './commands.js'

const serving = `vantage-collector: takes metric batches over HTTP and puts every accepted metric into Kafka.

Usage:
  vantage-collector                 serve, configured by the environment
  vantage-collector --dev           serve with an embedded in-memory Kafka and readable logs
  vantage-collector --check-config  check the configuration and the journal's directory, and end
    --connect                       ask the brokers for the topic, too, for 10 seconds at most
`

const signals = `  vantage-collector --help | --version
  vantage-collector help COMMAND    what a command takes; so does COMMAND --help

SIGTERM or SIGINT: finish what is in flight and exit. SIGHUP: replace the workers without a refused request.

Environment (a .env file is read, too, unless VANTAGE_ENVIRONMENT is production):
`

const passThrough = `  VANTAGE_KAFKA_PROPERTY_<NAME>
      Any librdkafka property, with _ for the dots of its name: VANTAGE_KAFKA_PROPERTY_SOCKET_TIMEOUT_MS=10000.
  <any of these>_FILE
      The value is read from that file: for secrets.
`

/** The text of --help: how to serve, every command, every setting. */
export async function helpText(): Promise<string> {
  const usages = await Promise.all(Object.values(commands).map(async (load) => indent((await load()).usage)))
  const settings = Object.entries(configSchema.properties).map(
    ([member, schema]) =>
      `  ${variableOf(member)}\n      ${descriptionOf(schema)} ${capitalize(describeLimits(schema))}; default ${shown(defaultOf(schema))}.\n`,
  )
  return serving + usages.join('') + signals + settings.join('') + passThrough
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function shown(value: unknown): string {
  return value === '' ? 'none' : String(value)
}
