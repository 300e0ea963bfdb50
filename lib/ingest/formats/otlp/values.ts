import { doubleAt, integerAt, isTrueAt, Malformed, type Message, messageAt, messagesAt, textAt } from './message.js'

/** Beyond 64 bits, many consumers read no integers. */
const integersEnd = 2 ** 63
/** Levels of arrays and maps within the value of an attribute. */
const maxDepth = 64

/** A finite number as records have it. */
export function numberText(value: number): string {
  if (value === 0) return '0'
  return Math.abs(value) >= integersEnd ? value.toExponential() : String(value)
}

export function integerText(value: bigint): string {
  return value >= integersEnd ? Number(value).toExponential() : value.toString()
}

/** The value of an attribute as the text of a tag. */
export function attributeText(value: Message | undefined): string {
  if (value === undefined) return ''
  if (value.stringValue != null) return textAt(value, 'stringValue')
  if (value.doubleValue != null) return doubleText(value)
  return plainText(value) ?? nestedText(value, 0) ?? ''
}

/** The value within an array or a map, as JSON. */
function jsonText(value: Message, depth: number): string {
  if (depth > maxDepth) throw new Malformed(`An attribute is nested deeper than ${maxDepth} levels`)
  if (value.stringValue != null) return JSON.stringify(textAt(value, 'stringValue'))
  if (value.bytesValue != null) return JSON.stringify(bytesText(value))
  if (value.doubleValue != null) {
    const text = doubleText(value)
    return Number.isFinite(doubleAt(value, 'doubleValue')) ? text : JSON.stringify(text)
  }
  return plainText(value) ?? nestedText(value, depth) ?? 'null'
}

function plainText(value: Message): string | undefined {
  if (value.boolValue != null) return String(isTrueAt(value, 'boolValue'))
  if (value.intValue != null) return integerAt(value, 'intValue', true).toString()
  if (value.bytesValue != null) return bytesText(value)
  return undefined
}

function nestedText(value: Message, depth: number): string | undefined {
  const array = messageAt(value, 'arrayValue')
  if (array !== undefined) return `[${messagesAt(array, 'values').map((item) => jsonText(item, depth + 1))}]`
  const map = messageAt(value, 'kvlistValue')
  if (map === undefined) return undefined
  const members = messagesAt(map, 'values').map((member) => {
    const item = messageAt(member, 'value')
    return `${JSON.stringify(textAt(member, 'key'))}:${item === undefined ? 'null' : jsonText(item, depth + 1)}`
  })
  return `{${members}}`
}

function doubleText(value: Message): string {
  const double = doubleAt(value, 'doubleValue') ?? 0
  return Number.isFinite(double) ? numberText(double) : String(double)
}

function bytesText(value: Message): string {
  return Buffer.from(textAt(value, 'bytesValue'), 'base64').toString('base64')
}
