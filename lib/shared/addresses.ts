/** The first six words of IPv6 addresses that carry an IPv4 address: mapped (RFC 4291), and by NAT64 (RFC 6052). */
const carriers = ['0:0:0:0:0:ffff:', '64:ff9b:0:0:0:0:']
/** Of an address of a carrier, what is not of its IPv4 address. */
export const carrierBits = 96

/**
 * An address as each host has but one: IPv4 as 192.0.2.1, also where IPv6 carries it; else the eight words of IPv6
 * in lower-case hexadecimal, without their zone.
 *
 * @param address what `isIP` knows as one
 */
export function plainAddress(address: string): string {
  return address.includes(':') ? addressOfWords(wordsOf(address)) : address
}

/** The same of the eight words of an IPv6 address. */
export function addressOfWords(words: readonly number[]): string {
  const text = words.map((word) => word.toString(16)).join(':')
  if (!carriers.some((carrier) => text.startsWith(carrier))) return text
  return words
    .slice(6)
    .flatMap((word) => [word >> 8, word & 255])
    .join('.')
}

function wordsOf(address: string): number[] {
  const [withoutZone = ''] = address.split('%')
  const [head = '', tail = ''] = withoutZone.replace(/\d+\.\d+\.\d+\.\d+$/, asWords).split('::')
  const front = parseWords(head)
  const back = parseWords(tail)
  const zeros = Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0)
  return [...front, ...zeros, ...back]
}

/** 192.0.2.1 as c000:201. */
function asWords(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function parseWords(part: string): number[] {
  return part.split(':').flatMap((word) => (word === '' ? [] : [Number.parseInt(word, 16)]))
}
