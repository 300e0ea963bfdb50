import { type Config, type ParsedConfig, parseConfig } from '../config/config.js'
import { readEnvironment } from '../config/environment.js'
import { propertyVariable } from '../config/variables.js'
import { lackingFeatures } from './librdkafka.js'
import { objectionTo } from './producer.js'
import { producerProperties } from './producer-properties.js'

/** `shortage`: why librdkafka could not be asked. It is not a mistake: a later start may find more threads or memory. */
export type ExaminedConfig = ParsedConfig & { shortage?: string }

/** The configuration as the environment and the files that it names have it now, and all that is wrong with it. */
export function examineConfig({ dev }: { dev: boolean }): ExaminedConfig {
  const parsed = parseConfig(readEnvironment(dev))
  const { config, mistakes } = parsed
  if (dev && config.environment === 'production') {
    mistakes.push('--dev keeps metrics in memory only and is refused when VANTAGE_ENVIRONMENT is production')
  }
  if (mistakes.length === 0) mistakes.push(...lackingFeatures(config))
  const objection = mistakes.length === 0 ? objectionTo(producerProperties(config)) : undefined
  if (objection === undefined) return parsed
  const { message, shortage } = objection
  if (shortage) return { ...parsed, shortage: `The system lacks threads or memory: ${message}` }
  mistakes.push(`${variablesOf(config, message)}: librdkafka says: ${message}`)
  return parsed
}

/** The variables of the properties that an objection names, or of all that were passed through if it names none. */
function variablesOf({ kafkaProperties }: Config, objection: string): string {
  const passedThrough = Object.keys(kafkaProperties)
  const named = passedThrough.filter((name) => objection.includes(name))
  return (named.length > 0 ? named : passedThrough).map(propertyVariable).join(', ') || 'The Kafka settings'
}
