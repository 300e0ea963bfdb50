/** The members of a header that is a list (RFC 9110, 5.6.1), in lower case; empty ones do not count. */
export function membersOf(header: string): string[] {
  return header.split(',').flatMap((member) => member.trim().toLowerCase() || [])
}

/**
 * How much a client wants this, by the weights of its Accept or Accept-Encoding (RFC 9110, 12.4.2): from 0, where it does
 * not name it or refuses it, to 1.
 *
 * @param name in lower case
 */
export function weightOf(header: string, name: string): number {
  if (!header.toLowerCase().includes(name)) return 0
  const weights = membersOf(header).map((member) => {
    const [named, ...parameters] = member.split(';').map((part) => part.trim())
    if (named !== name) return 0
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
    return weight >= 0 && weight <= 1 ? weight : 0
  })
  return Math.max(...weights)
}
