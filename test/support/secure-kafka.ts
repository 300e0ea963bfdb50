import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../tools/free-port.js'
import type { KafkaBroker } from '../../tools/kafka.js'
import type { Authority } from './certificates.js'
import { makeDirectory } from './directory.js'
import { startKafka } from './start-kafka.js'

export const user = { name: 'collector', password: 'correct-horse' }

export type SecureKafka = {
  /** Plain, for the test itself. */
  broker: KafkaBroker
  /** host:port for TLS with a login by SASL. */
  saslSsl: string
  /** host:port for TLS with a client certificate. */
  mutual: string
}

const modules = 'org.apache.kafka.common.security'

/** A real broker with two secure listeners beside the plain one; its certificate and those of its clients are the CA's. */
export async function startSecureKafka(
  t: Test,
  authority: Authority,
  more: Record<string, string> = {},
): Promise<SecureKafka> {
  const [saslSsl, mutual] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const { cert, key } = await authority.issue('broker')
  const keystore = join(await makeDirectory(t), 'keystore.pem')
  await writeFile(keystore, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'))
  const { name, password } = user
  const properties = {
    listeners: `SECURE://${saslSsl},MUTUAL://${mutual}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority.cert,
    'listener.name.mutual.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.secure.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_${name}="${password}";`,
    'listener.name.secure.scram-sha-256.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'listener.name.secure.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    // Takes any token that is not signed and not expired.
    'listener.name.secure.oauthbearer.sasl.jaas.config': `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    ...more,
  }
  return { broker: await startKafka(t, { properties, passwords: { [name]: password } }), saslSsl, mutual }
}

/** A token that such a broker takes until it expires: RFC 7519, section 6.1. */
export function unsecuredToken({ expiresInSeconds = 3600 } = {}): string {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const issuedAt = nowSeconds + Math.min(0, expiresInSeconds) - 1
  const parts = [{ alg: 'none' }, { sub: 'collector', iat: issuedAt, exp: nowSeconds + expiresInSeconds }]
  return `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
}
