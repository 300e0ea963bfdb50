import { skipSpace, skipString, skipValue } from './split.js'

/** A member of an object, as it stands in a body: where its name starts and ends, and where its value does. */
export type Member = { name: string; start: number; nameEnd: number; valueStart: number; end: number }

const comma = 0x2c
const openBrace = 0x7b
const openBracket = 0x5b
const closeBrace = 0x7d
const closeBracket = 0x5d

/** The members of the object that starts at `from`. The body must be JSON there. */
export function* membersOf(body: Buffer, from: number): Generator<Member> {
  let start = skipSpace(body, from + 1)
  while (body[start] !== closeBrace) {
    const nameEnd = skipString(body, start)
    const valueStart = skipSpace(body, skipSpace(body, nameEnd) + 1)
    const end = skipValue(body, valueStart)
    yield { name: nameOf(body, start, nameEnd), start, nameEnd, valueStart, end }
    start = afterComma(body, end)
  }
}

/** Names rarely have escapes, and JSON.parse takes three times as long as the rest. */
function nameOf(body: Buffer, start: number, end: number): string {
  const written = body.toString('utf8', start + 1, end - 1)
  return written.includes('\\') ? JSON.parse(`"${written}"`) : written
}

/** Where the elements of the array start that starts at `from`. The body must be JSON there. */
function* elementsOf(body: Buffer, from: number): Generator<number> {
  let start = skipSpace(body, from + 1)
  while (body[start] !== closeBracket) {
    yield start
    start = afterComma(body, skipValue(body, start))
  }
}

function afterComma(body: Buffer, end: number): number {
  const at = skipSpace(body, end)
  return body[at] === comma ? skipSpace(body, at + 1) : at
}

/** The path of the first member of the value at `from`, nested ones included, whose object has it already. */
export function findTwice(body: Buffer, from: number): string | undefined {
  if (body[from] === openBracket) {
    let index = 0
    for (const start of elementsOf(body, from)) {
      const twice = findTwice(body, start)
      if (twice !== undefined) return `[${index}]${twice}`
      index++
    }
  }
  if (body[from] !== openBrace) return undefined
  const names = new Set<string>()
  for (const { name, valueStart } of membersOf(body, from)) {
    if (names.has(name)) return `.${name}`
    names.add(name)
    const twice = findTwice(body, valueStart)
    if (twice !== undefined) return `.${name}${twice}`
  }
  return undefined
}
