import { configSchema, defaultOf, describeLimits, descriptionOf, variableOf } from '../shared/config.js'

const usage = `vantage-collector: takes metric batches over HTTP and puts every accepted metric into Kafka.

Usage:
  vantage-collector                 serve, configured by the environment
  vantage-collector --dev           serve with an embedded in-memory Kafka and readable logs
  vantage-collector --check-config  check the configuration and end
  vantage-collector tail            print records as they arrive in Kafka
      --topic NAME                  instead of VANTAGE_KAFKA_TOPIC
      --bootstrap HOST:PORT,...     instead of VANTAGE_KAFKA_BOOTSTRAP_SERVERS
      --from-beginning              the records that are already there, too
      --dev                         the embedded Kafka of a collector on this machine, from the beginning
      --json                        one JSON object a line, with partition, offset, key and value
  vantage-collector --help | --version

SIGTERM or SIGINT: finish what is in flight and exit. SIGHUP: replace the workers without a refused request.

Environment (a .env file is read, too, unless VANTAGE_ENVIRONMENT is production):
`

const passThrough = `  VANTAGE_KAFKA_PROPERTY_<NAME>
      Any librdkafka property, with _ for the dots of its name: VANTAGE_KAFKA_PROPERTY_SECURITY_PROTOCOL=sasl_ssl.
  <any of these>_FILE
      The value is read from that file: for secrets.
`

/** The text of --help: usage, and every setting. */
export function helpText(): string {
  const settings = Object.entries(configSchema.properties).map(
    ([member, schema]) =>
      `  ${variableOf(member)}\n      ${descriptionOf(schema)} ${capitalize(describeLimits(schema))}; default ${shown(defaultOf(schema))}.\n`,
  )
  return usage + settings.join('') + passThrough
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function shown(value: unknown): string {
  return value === '' ? 'none' : String(value)
}
