import { test } from 'tap'
import { parseConfig } from '../../lib/shared/config.js'
import { createIdentify } from '../../lib/worker/client.js'
import type { Exchange } from '../../lib/worker/exchange.js'

/** A request as the address of its socket and its X-Forwarded-For headers show it. */
function requestFrom(remote: number[], ...forwarded: string[]): Exchange {
  const request = {
    keyName: undefined,
    res: { getRemoteAddress: () => Uint8Array.from(remote).buffer },
    headerValues: () => forwarded,
  }
  return request as unknown as Exchange
}

const proxy = [10, 0, 0, 7]
const mapped = (...v4: number[]) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4]
const v6 = (...words: number[]) => words.flatMap((word) => [word >> 8, word & 255])

const cases: [what: string, request: Exchange, client: string][] = [
  ['its own address', requestFrom([192, 0, 2, 1]), '192.0.2.1'],
  ['IPv4 in an IPv6 socket', requestFrom(mapped(192, 0, 2, 1)), '192.0.2.1'],
  ['the network of an IPv6 address', requestFrom(v6(0x2001, 0xdb8, 0, 5, 1, 2, 3, 4)), '2001:db8:0:5::/64'],
  ['its own address, whatever it claims', requestFrom([192, 0, 2, 1], '198.51.100.9'), '192.0.2.1'],
  ['the address a trusted proxy saw', requestFrom(proxy, '198.51.100.9'), '198.51.100.9'],
  ['not what the client claimed to the proxy', requestFrom(proxy, '203.0.113.5, 198.51.100.9'), '198.51.100.9'],
  ['nor in a header of its own', requestFrom(proxy, '203.0.113.5', '198.51.100.9'), '198.51.100.9'],
  ['through two proxies', requestFrom(mapped(10, 0, 0, 7), '198.51.100.9, 10.9.9.9'), '198.51.100.9'],
  ['with a port', requestFrom(proxy, '198.51.100.9:4711'), '198.51.100.9'],
  ['IPv6 with a port', requestFrom(proxy, '[2001:db8::1:2:3:4]:4711'), '2001:db8:0:0::/64'],
  ['IPv6 that leaves out one word', requestFrom(proxy, '2001:db8::3:4:5:6:7'), '2001:db8:0:3::/64'],
  ['the proxy, where what it says is no address', requestFrom(proxy, '198.51.100.9, unknown'), '10.0.0.7'],
  ['the proxy, where it says nothing', requestFrom(proxy), '10.0.0.7'],
]

const { config } = parseConfig({ VANTAGE_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8:ffff::/48' })
const identify = createIdentify(config)

for (const [what, request, client] of cases) {
  test(`a request counts for ${what}`, async (t) => {
    t.equal(identify(request), `address:${client}`)
  })
}

test('a request with a key counts for the key', async (t) => {
  t.equal(identify({ keyName: 'fleet-a' } as Exchange), 'key:fleet-a')
})

test('what is no address of a proxy is a mistake', async (t) => {
  for (const entry of ['10.0.0.0/33', 'proxy.example', '10.0.0.1/', '2001:db8::/129', '10.0.0.0/8/8']) {
    const { mistakes } = parseConfig({ VANTAGE_TRUSTED_PROXIES: `127.0.0.1,${entry}` })
    t.same(mistakes, [`VANTAGE_TRUSTED_PROXIES="${entry}" is not allowed; it must be addresses or networks`])
  }
})
