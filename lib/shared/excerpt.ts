/**
 * The beginning of a text that a client has sent, of at most so many UTF-16 units, for an answer or a log. It is well
 * formed whatever the text is: half a surrogate pair would make the whole answer unreadable for strict readers of JSON.
 */
export function excerpt(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text.toWellFormed()
  const splitsPair = isHighSurrogate(text.charCodeAt(maxLength - 1))
  return `${text.slice(0, splitsPair ? maxLength - 1 : maxLength).toWellFormed()}…`
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
