import { test } from 'tap'
import { parseConfig } from '../../../../lib/config/config.js'
import { createIdentify } from '../../../../lib/worker/access/client.js'
import type { Exchange } from '../../../../lib/worker/http/exchange.js'

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
  ['IPv4 that its proxy writes as IPv6', requestFrom(proxy, '::ffff:198.51.100.9'), '198.51.100.9'],
  ['in hexadecimal', requestFrom(proxy, '::ffff:c633:6409'), '198.51.100.9'],
  ['in upper case, with a port', requestFrom(proxy, '[::FFFF:C633:6409]:4711'), '198.51.100.9'],
  ['without leaving words out', requestFrom(proxy, '0:0:0:0:0:ffff:198.51.100.9'), '198.51.100.9'],
  ['IPv4 through NAT64', requestFrom(proxy, '64:ff9b::198.51.100.9'), '198.51.100.9'],
  ['through NAT64, in hexadecimal', requestFrom(proxy, '64:ff9b::c633:6409'), '198.51.100.9'],
  ['NAT64 at its own socket', requestFrom(v6(0x64, 0xff9b, 0, 0, 0, 0, 0xc633, 0x6409)), '198.51.100.9'],
  [
    'through a second proxy that is written as IPv6',
    requestFrom(proxy, '198.51.100.9, ::ffff:10.9.9.9'),
    '198.51.100.9',
  ],
  ['a loopback of IPv6 as what it is', requestFrom(proxy, '::1'), '0:0:0:0::/64'],
  ['an IPv6 address by 6to4 as what it is', requestFrom(proxy, '2002:c633:6409::1'), '2002:c633:6409:0::/64'],
  ['IPv6 with a zone', requestFrom(proxy, 'fe80::1:2%eth0'), 'fe80:0:0:0::/64'],
  ['IPv6 with a zone and a port', requestFrom(proxy, '[fe80::1:2%25eth0]:4711'), 'fe80:0:0:0::/64'],
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

test('a proxy may be named as IPv6 that carries IPv4', async (t) => {
  for (const named of ['::ffff:10.0.0.7', '::ffff:a00:0/104', '64:ff9b::10.0.0.7', '64:FF9B::a00:0/104']) {
    const { config } = parseConfig({ VANTAGE_TRUSTED_PROXIES: named })
    t.equal(createIdentify(config)(requestFrom(proxy, '198.51.100.9')), 'address:198.51.100.9', named)
    t.equal(createIdentify(config)(requestFrom([11, 0, 0, 7], '198.51.100.9')), 'address:11.0.0.7', named)
  }
})

test('a request with a key counts for the key', async (t) => {
  t.equal(identify({ keyName: 'fleet-a' } as Exchange), 'key:fleet-a')
})

test('what is no address of a proxy is a mistake', async (t) => {
  for (const entry of ['10.0.0.0/33', 'proxy.example', '10.0.0.1/', '2001:db8::/129', '10.0.0.0/8/8']) {
    const { mistakes } = parseConfig({ VANTAGE_TRUSTED_PROXIES: `127.0.0.1,${entry}` })
    t.same(mistakes, [`VANTAGE_TRUSTED_PROXIES="${entry}" is not allowed; it must be addresses or networks`])
  }
})
