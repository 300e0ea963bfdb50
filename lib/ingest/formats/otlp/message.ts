/** A message of OTLP as its JSON encoding has it, whatever the encoding of the request: members in lowerCamelCase, any of them absent. */
export type Message = Readonly<Record<string, unknown>>

/** What makes a body no export request. `text` says what of it. */
export class Malformed extends Error {}

const digits = /^-?\d{1,20}$/
const notFinite: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity }
const none: readonly Message[] = []

export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined where it is absent. */
export function messageAt(message: Message, name: string): Message | undefined {
  const value = message[name]
  if (value == null) return undefined
  if (!isMessage(value)) throw new Malformed(`${name} must be an object`)
  return value
}

export function messagesAt(message: Message, name: string): readonly Message[] {
  const value = message[name]
  if (value == null) return none
  if (!Array.isArray(value) || !value.every(isMessage)) throw new Malformed(`${name} must be an array of objects`)
  return value
}

export function textAt(message: Message, name: string): string {
  const value = message[name] ?? ''
  if (typeof value !== 'string') throw new Malformed(`${name} must be a string`)
  return value.isWellFormed() ? value : value.toWellFormed()
}

export function isTrueAt(message: Message, name: string): boolean {
  const value = message[name] ?? false
  if (typeof value !== 'boolean') throw new Malformed(`${name} must be true or false`)
  return value
}

/** A 64-bit integer, which JSON has as a string or as a number; 0 where it is absent. */
export function integerAt(message: Message, name: string, signed = false): bigint {
  return toInteger(message[name] ?? 0, name, signed)
}

function toInteger(value: unknown, name: string, signed: boolean): bigint {
  const isWritten = typeof value === 'string' ? digits.test(value) : Number.isInteger(value)
  const integer = isWritten ? BigInt(value as string | number) : undefined
  const kept = integer === undefined ? undefined : signed ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer)
  if (integer === undefined || kept !== integer) {
    throw new Malformed(`${name} must be ${signed ? 'an' : 'an unsigned'} integer of 64 bits`)
  }
  return integer
}

export function integersAt(message: Message, name: string): bigint[] {
  return listAt(message, name).map((value) => toInteger(value, name, false))
}

/** A double, which JSON has as a number or as a string where it is not finite; undefined where it is absent. */
export function doubleAt(message: Message, name: string): number | undefined {
  const value = message[name]
  return value == null ? undefined : toDouble(value, name)
}

export function doublesAt(message: Message, name: string): number[] {
  return listAt(message, name).map((value) => toDouble(value, name))
}

function toDouble(value: unknown, name: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    const number = notFinite[value] ?? (value.trim() === '' ? Number.NaN : Number(value))
    if (!Number.isNaN(number) || value === 'NaN') return number
  }
  throw new Malformed(`${name} must be a number`)
}

function listAt(message: Message, name: string): readonly unknown[] {
  const value = message[name] ?? []
  if (!Array.isArray(value)) throw new Malformed(`${name} must be an array`)
  return value
}

const nanosecondsPerMillisecond = 1_000_000n

/** Unix time in ms, rounded down; 0 where it is absent. */
export function millisecondsAt(message: Message, name: string): number {
  return Number(integerAt(message, name) / nanosecondsPerMillisecond)
}
