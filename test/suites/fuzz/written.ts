/** A JSON value as it is written: with names that are there twice, and numbers as their text. */
export type Written =
  | { kind: 'object'; members: [name: string, value: Written][] }
  | { kind: 'array'; elements: Written[] }
  | { kind: 'text'; text: string }
  | { kind: 'number'; written: string }
  | { kind: 'word'; word: string }

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Reads what JSON.parse takes, by other means. */
export function readWritten(text: string): Written {
  const tokens = text.match(token) ?? []
  let at = 0
  return value()

  function value(): Written {
    const first = tokens[at++] ?? ''
    if (first === '{') return { kind: 'object', members: list('}', member) }
    if (first === '[') return { kind: 'array', elements: list(']', value) }
    if (first.startsWith('"')) return { kind: 'text', text: JSON.parse(first) }
    return /^[-\d]/.test(first) ? { kind: 'number', written: first } : { kind: 'word', word: first }
  }

  function member(): [string, Written] {
    const name: string = JSON.parse(tokens[at] ?? '')
    at += 2
    return [name, value()]
  }

  function list<T>(end: string, read: () => T): T[] {
    const items: T[] = []
    if (tokens[at] === end) {
      at++
      return items
    }
    do items.push(read())
    while (tokens[at++] === ',')
    return items
  }
}
