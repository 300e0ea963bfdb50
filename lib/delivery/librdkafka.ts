import Kafka from 'node-rdkafka'
import type { Config } from '../config/config.js'
import { propertyVariable, variableOf } from '../config/variables.js'

/** The librdkafka that node-rdkafka has compiled on this machine. */
export const librdkafka = {
  version: Kafka.librdkafkaVersion,
  /** What it was compiled with, in its own words: `gzip`, `ssl`, `zstd` and so on. */
  features: Kafka.features,
} as const

/** The features that need a library of the system, and Debian's package of its headers. */
const packageOf: Readonly<Record<string, string>> = {
  gzip: 'zlib1g-dev',
  zstd: 'libzstd-dev',
  ssl: 'libssl-dev',
  sasl_scram: 'libssl-dev',
  sasl_oauthbearer: 'libssl-dev',
}

/** A line for each setting that needs what this librdkafka was compiled without. */
export function lackingFeatures(config: Config): string[] {
  return wishesOf(config).flatMap(({ setting, feature }) => {
    const debian = packageOf[feature]
    if (debian === undefined || librdkafka.features.includes(feature)) return []
    return [
      `${setting} needs a librdkafka with ${feature}, and the one here was compiled without; install Debian's package ` +
        `${debian}, then vantage-collector again (in a checkout: npm ci)`,
    ]
  })
}

type Wish = { setting: string; feature: string }

function wishesOf(config: Config): Wish[] {
  const compression = settingOf(config, 'kafkaCompressionType')
  const protocol = settingOf(config, 'kafkaSecurityProtocol', 'security.protocol')
  const mechanism = settingOf(config, 'kafkaSaslMechanism', 'sasl.mechanism', 'sasl.mechanisms')
  const wishes = [{ setting: compression.setting, feature: compression.value }]
  if (protocol.value.endsWith('ssl')) wishes.push({ setting: protocol.setting, feature: 'ssl' })
  if (protocol.value.startsWith('sasl')) {
    const [family = ''] = mechanism.value.split('-')
    wishes.push({ setting: mechanism.setting, feature: `sasl_${family}` })
  }
  return wishes
}

/** A setting as it stands, in lower case, and in words: ours, unless a property of librdkafka is passed through instead. */
function settingOf(
  config: Config,
  member: 'kafkaCompressionType' | 'kafkaSecurityProtocol' | 'kafkaSaslMechanism',
  ...properties: string[]
): { setting: string; value: string } {
  const property = properties.find((name) => config.kafkaProperties[name] !== undefined)
  const variable = property === undefined ? variableOf(member) : propertyVariable(property)
  const value = property === undefined ? config[member] : String(config.kafkaProperties[property])
  return { setting: `${variable}=${value}`, value: value.toLowerCase() }
}
