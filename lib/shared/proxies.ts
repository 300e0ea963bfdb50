import { BlockList, isIP } from 'node:net'

/**
 * Reads a comma-separated list of addresses and networks such as 10.0.0.0/8.
 *
 * @returns what checks an address against them, and the entries that are neither
 */
export function parseProxies(text: string): { proxies: BlockList; mistakes: string[] } {
  const proxies = new BlockList()
  const mistakes: string[] = []
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry !== '' && !add(proxies, entry)) mistakes.push(entry)
  }
  return { proxies, mistakes }
}

function add(proxies: BlockList, entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  if (prefix === undefined) {
    proxies.addAddress(address, family)
    return true
  }
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (!(length <= (version === 6 ? 128 : 32))) return false
  proxies.addSubnet(address, length, family)
  return true
}
