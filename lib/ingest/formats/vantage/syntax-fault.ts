import { maxDepth, type SurveyEnd } from '../../native/binding.js'
import { skipSpace } from './split.js'

/** What agents in Python, JavaScript and C write that is not JSON, by how it begins. */
const known: [beginning: RegExp, fault: string][] = [
  [/^-?NaN\b/i, 'NaN is not JSON: leave out the metric or send a number'],
  [/^[-+]?Inf(?:inity)?\b/i, 'Infinity is not JSON: leave out the metric or send a number'],
  [/^None\b/, 'None is Python, not JSON: write null'],
  [/^(?:True|TRUE)\b/, 'True is Python, not JSON: write true'],
  [/^(?:False|FALSE)\b/, 'False is Python, not JSON: write false'],
  [/^(?:NULL|Null|nil)\b/, 'write null in JSON'],
  [/^undefined\b/, 'undefined is JavaScript, not JSON: leave out the member'],
  [/^'/, 'JSON has double quotes only, no single quotes'],
  [/^\u00e2\u0080[\u0098-\u009f]/, 'JSON has straight double quotes only, no typographic quotes'],
  [/^`/, 'JSON has double quotes only, no backticks'],
  [/^(?:\/\/|\/\*|#)/, 'JSON has no comments'],
  [/^\u00ef\u00bb\u00bf/, 'the body begins with a byte order mark: send it without'],
  [/^</, 'this is HTML or XML, not JSON'],
  [/^\0/, 'a NUL byte: send UTF-8, not UTF-16'],
]

const closing = /^[\]}]/
const identifier = /^[A-Za-z_$][\w$]*/
const shown = 20
/** In bytes of UTF-8. */
const longestCharacter = 4

/**
 * Says what is wrong with a body, by the name that its author would give it.
 *
 * @param at where it is wrong; the end of the body where it is cut off
 */
export function describeFault(bytes: Buffer, at: number, end: SurveyEnd): string {
  if (end === 'too deep') return `nested deeper than ${maxDepth} levels`
  if (at === bytes.length)
    return skipSpace(bytes, 0) === at ? 'there is nothing but white space' : 'the body ends too early'
  const rest = bytes.toString('latin1', at, at + shown)
  return nameOf(rest, end) ?? faultOf(bytes, at, rest, end)
}

/** Within a string anything may stand that has a name elsewhere. */
function nameOf(rest: string, end: SurveyEnd): string | undefined {
  if (end === 'control character' || end === 'no such escape' || end === 'end expected') return undefined
  return known.find(([beginning]) => beginning.test(rest))?.[1]
}

function faultOf(bytes: Buffer, at: number, rest: string, end: SurveyEnd): string {
  const found = JSON.stringify(
    String.fromCodePoint(bytes.toString('utf8', at, at + longestCharacter).codePointAt(0) ?? 0),
  )
  const word = identifier.exec(rest)?.[0]
  switch (end) {
    case 'name expected':
      if (closing.test(rest) && follows(bytes, at, ',')) return `a comma before ${found}: JSON has no trailing comma`
      return word === undefined ? `${found} where a name was expected` : `the name ${word} is not in double quotes`
    case 'value expected':
      if (closing.test(rest) && follows(bytes, at, ',')) return `a comma before ${found}: JSON has no trailing comma`
      if (/^[+.]\d/.test(rest)) return `a number does not begin with ${found} in JSON`
      return `${word ?? found} where a value was expected`
    case 'colon expected':
      return `${found} where a colon was expected`
    case 'comma expected':
      if (follows(bytes, at, '0') && /^x/i.test(rest)) return 'a hexadecimal number is not JSON'
      return `${word ?? found} where a comma or the end of the object or array was expected`
    case 'end expected':
      return `more after the end of the batch, ${found}: send one JSON object a request`
    case 'control character':
      return controlCharacter(rest.charCodeAt(0))
    case 'no such escape':
      return `${JSON.stringify(rest.slice(0, 2))} is no escape in JSON`
    case 'no number':
      return /^-?0\d/.test(rest) ? 'a number does not begin with 0 in JSON' : 'a number that is not JSON'
    default:
      return `${found} was not expected`
  }
}

function controlCharacter(code: number): string {
  const names: Record<number, string> = { 9: 'a tab', 10: 'a line break', 13: 'a line break' }
  return `${names[code] ?? `the control character ${code}`} in a text: write it as an escape`
}

/** Whether this character is the last before `at` that is not white space. */
function follows(bytes: Buffer, at: number, character: string): boolean {
  let before = at - 1
  while ((bytes[before] ?? 0x21) <= 0x20) before--
  return bytes[before] === character.charCodeAt(0)
}
