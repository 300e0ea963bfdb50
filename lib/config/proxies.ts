import { BlockList, isIP } from 'node:net'
import { carrierBits, plainAddress } from '../shared/addresses.js'

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
  const bits = version === 6 ? 128 : 32
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (!(length <= bits)) return false
  const plain = plainAddress(address)
  if (isIP(plain) === version) proxies.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
  else proxies.addSubnet(plain, Math.max(0, length - carrierBits), 'ipv4')
  return true
}
