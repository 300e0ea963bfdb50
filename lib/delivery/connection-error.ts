import type { GlobalConfig } from 'node-rdkafka'

/** Why a connection to a broker failed. */
export type ConnectionError = {
  message: string
  /** It stays until the settings change. */
  lasting: boolean
}

/** What time alone does not mend, by librdkafka's words, and what an operator can do: a text, or one that depends on the login. */
const lasting: [words: RegExp, remedy: string | ((login: Login) => string)][] = [
  [/SASL .*/, remedyOfLogin],
  [
    /certificate verify failed/,
    'the certificate of the broker is not signed by VANTAGE_KAFKA_SSL_CA_FILE, has expired or is that of another host',
  ],
  [
    /alert (?:bad certificate|certificate \w+|unknown ca)/,
    'the broker wants another client certificate: check VANTAGE_KAFKA_SSL_CERT_FILE and VANTAGE_KAFKA_SSL_KEY_FILE',
  ],
  [/connecting to a PLAINTEXT broker listener/, 'that port speaks no TLS: check VANTAGE_KAFKA_SECURITY_PROTOCOL'],
]

/** The properties of librdkafka that say how it logs in. */
export type Login = Pick<GlobalConfig, 'sasl.mechanism' | 'sasl.mechanisms' | 'sasl.oauthbearer.method'>

function remedyOfLogin(login: Login): string {
  const mechanism = login['sasl.mechanism'] ?? login['sasl.mechanisms'] ?? ''
  const isToken = mechanism === 'OAUTHBEARER' && login['sasl.oauthbearer.method'] !== 'oidc'
  if (isToken) return 'the token may have expired: renew VANTAGE_KAFKA_SASL_TOKEN_FILE'
  if (/^(?:PLAIN|SCRAM-.*)$/.test(mechanism))
    return 'check VANTAGE_KAFKA_SASL_MECHANISM, VANTAGE_KAFKA_SASL_USERNAME and VANTAGE_KAFKA_SASL_PASSWORD'
  return 'check what VANTAGE_KAFKA_PROPERTY_SASL_... sets'
}

/**
 * What librdkafka logs of a failure, in words that are the same each time it happens: without the address, the time it
 * took and how often it was suppressed.
 */
export function readConnectionError(log: string, login: Login): ConnectionError {
  const text = log.replace(/^\[thrd:[^\]]*\]: \S+: /, '').replace(/ \(after \d+ms in state .*\)$/, '')
  for (const [words, remedy] of lasting) {
    const [found] = words.exec(text) ?? []
    if (found === undefined) continue
    const advice = typeof remedy === 'string' ? remedy : remedy(login)
    return { message: `${found}; ${advice}, then send SIGHUP`, lasting: true }
  }
  return { message: text, lasting: false }
}
