/** The origins of a comma-separated list, `*` among them for any. */
export function originsOf(listed: string): string[] {
  return listed
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
}

/** Those of the list that no browser would ever send as Origin, nor are they `*`. */
export function wrongOrigins(listed: string): string[] {
  return originsOf(listed).filter((origin) => origin !== '*' && !isOrigin(origin))
}

/** In lower case, without a path and without the port that the scheme has anyway (HTML standard, section 7.1.1). */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, host } = new URL(text)
  return host !== '' && !host.includes('*') && text === `${protocol}//${host}`
}
