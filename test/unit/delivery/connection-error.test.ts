import { test } from 'tap'
import { type Login, readConnectionError } from '../../../lib/delivery/connection-error.js'

const refusal =
  '[thrd:sasl_ssl://kafka:9093/1]: sasl_ssl://kafka:9093/1: SASL authentication error: invalid (after 3ms in state AUTH_REQ)'

const passwords =
  /^SASL authentication error: invalid; check VANTAGE_KAFKA_SASL_MECHANISM, .*_PASSWORD, then send SIGHUP$/
const token =
  /^SASL authentication error: invalid; the token may have expired: renew VANTAGE_KAFKA_SASL_TOKEN_FILE, then/
const passedThrough = /^SASL authentication error: invalid; check what VANTAGE_KAFKA_PROPERTY_SASL_\.\.\. sets, then/

const logins: [name: string, login: Login, message: RegExp][] = [
  ['SCRAM', { 'sasl.mechanisms': 'SCRAM-SHA-512' }, passwords],
  ['PLAIN', { 'sasl.mechanisms': 'PLAIN' }, passwords],
  ['a token', { 'sasl.mechanisms': 'OAUTHBEARER' }, token],
  ['a mechanism that is passed through', { 'sasl.mechanisms': 'PLAIN', 'sasl.mechanism': 'OAUTHBEARER' }, token],
  [
    'a token that librdkafka fetches itself',
    { 'sasl.mechanisms': 'OAUTHBEARER', 'sasl.oauthbearer.method': 'oidc' },
    passedThrough,
  ],
  ['Kerberos', { 'sasl.mechanisms': 'GSSAPI' }, passedThrough],
]

for (const [name, login, message] of logins) {
  test(`a login that is refused is told with what there is to check: ${name}`, async (t) => {
    t.match(readConnectionError(refusal, login), { message, lasting: true })
  })
}

test('what time may mend is told without the address, the time it took and how often it was suppressed', async (t) => {
  const log =
    '[thrd:kafka:9092/1]: kafka:9092/1: Connect to ipv4#10.0.0.1:9092 failed: refused (after 0ms in state CONNECT)'
  t.same(readConnectionError(log, {}), { message: 'Connect to ipv4#10.0.0.1:9092 failed: refused', lasting: false })
})
