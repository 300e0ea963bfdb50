import { protocolOf } from './check.js'
import type { ConfigValues } from './schema.js'
import { certificateExpiry } from './tls-files.js'
import { variableOf } from './variables.js'

/** Settings that are allowed and do not do what their name promises, a line each. */
export function doubtsAbout(config: ConfigValues, properties: Readonly<Record<string, string>>): string[] {
  const { authEnabled, apiKey, apiKeys, tlsCertFile } = config
  const doubts: string[] = []
  if (!authEnabled && (apiKey !== '' || apiKeys !== '')) {
    doubts.push('API keys are set, but nobody has to send one: VANTAGE_AUTH_ENABLED is false')
  }
  if (tlsCertFile !== '') {
    const expiry = certificateExpiry(tlsCertFile)
    if (expiry.getTime() < Date.now()) {
      doubts.push(`VANTAGE_TLS_CERT_FILE=${tlsCertFile} has expired: ${expiry.toISOString()}`)
    }
  }
  const protocol = protocolOf(config, properties)
  const unused = [
    ...(protocol.includes('sasl') ? [] : (['kafkaSaslUsername', 'kafkaSaslPassword', 'kafkaSaslToken'] as const)),
    ...(protocol.includes('ssl') ? [] : (['kafkaSslCaFile', 'kafkaSslCertFile'] as const)),
  ].filter((member) => config[member] !== '')
  for (const member of unused) {
    doubts.push(`${variableOf(member)} is set, but not used: VANTAGE_KAFKA_SECURITY_PROTOCOL is ${protocol}`)
  }
  return doubts
}
