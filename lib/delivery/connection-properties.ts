import type { GlobalConfig } from 'node-rdkafka'
import type { Config } from '../config/config.js'

/** How to reach Kafka, whatever for. */
export type ConnectionProperties = {
  global: GlobalConfig
  /** For OAUTHBEARER: no property of librdkafka's takes it; '' for none. */
  saslToken: string
}

/** Properties that are about connections, and so hold for consumers, too. */
const aboutConnections =
  /^(?:security\.|sasl\.|ssl\.|enable\.(?:sasl|ssl)\.|https\.|socket\.|broker\.address\.|client\.dns\.)/

/** librdkafka's properties of any client of these brokers. Those passed through by the user come last and win. */
export function connectionProperties(config: Config): ConnectionProperties {
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword, kafkaSaslToken } = config
  const { kafkaSslCaFile, kafkaSslCertFile, kafkaSslKeyFile } = config
  const protocol = config.kafkaSecurityProtocol
  const settings = {
    'client.id': config.serviceName,
    'security.protocol': protocol,
    ...(protocol.startsWith('sasl') && {
      'sasl.mechanisms': kafkaSaslMechanism,
      ...(kafkaSaslUsername !== '' && { 'sasl.username': kafkaSaslUsername }),
      ...(kafkaSaslPassword !== '' && { 'sasl.password': kafkaSaslPassword }),
    }),
    ...(kafkaSslCaFile !== '' && { 'ssl.ca.location': kafkaSslCaFile }),
    ...(kafkaSslCertFile !== '' && {
      'ssl.certificate.location': kafkaSslCertFile,
      'ssl.key.location': kafkaSslKeyFile,
    }),
  }
  const passedThrough = Object.entries(config.kafkaProperties).filter(([name]) => aboutConnections.test(name))
  return {
    global: { 'bootstrap.servers': config.kafkaBootstrapServers, ...settings, ...Object.fromEntries(passedThrough) },
    saslToken: kafkaSaslToken,
  }
}
