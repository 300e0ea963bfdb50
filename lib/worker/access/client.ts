import { type BlockList, isIP } from 'node:net'
import type { Config } from '../../config/config.js'
import { parseProxies } from '../../config/proxies.js'
import { addressOfWords, plainAddress } from '../../shared/addresses.js'
import type { Exchange } from '../http/exchange.js'

/** Says whom limits and fairness count a request for: its API key, else the address it comes from. */
export function createIdentify({ trustedProxies }: Config): (exchange: Exchange) => string {
  const { proxies } = parseProxies(trustedProxies)
  const addressOf = trustedProxies === '' ? remoteAddress : createForwardedAddress(proxies)
  return (exchange) =>
    exchange.keyName === undefined ? `address:${networkOf(addressOf(exchange))}` : `key:${exchange.keyName}`
}

/**
 * The address that a client behind trusted proxies comes from: the last one of X-Forwarded-For that is not itself such
 * a proxy. What stands before it is what the client claims, and worth nothing.
 */
function createForwardedAddress(proxies: BlockList): (exchange: Exchange) => string {
  const isTrusted = (address: string) => proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (exchange) => {
    let nearest = remoteAddress(exchange)
    if (!isTrusted(nearest)) return nearest
    const hops = exchange.headerValues('x-forwarded-for').join(',').split(',')
    for (const hop of hops.reverse()) {
      const address = withoutPort(hop.trim())
      if (isIP(address) === 0) return nearest
      nearest = plainAddress(address)
      if (!isTrusted(nearest)) return nearest
    }
    return nearest
  }
}

/** IPv4 as 192.0.2.1, also where it came in an IPv6 socket. */
function remoteAddress({ res }: Exchange): string {
  const bytes = new Uint8Array(res.getRemoteAddress())
  if (bytes.length === 4) return bytes.join('.')
  return addressOfWords(Array.from({ length: 8 }, (_, n) => ((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)))
}

/** Some proxies write 192.0.2.1:4711 and [2001:db8::1]:4711. */
function withoutPort(hop: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop
}

/** A subscriber of IPv6 has at least a /64 to choose addresses from, so that is what counts as one client. */
function networkOf(address: string): string {
  return address.includes(':') ? `${address.split(':').slice(0, 4).join(':')}::/64` : address
}
