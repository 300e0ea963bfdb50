import { UsageError } from './command.js'

/** @throws {UsageError} unless it is an integer from `min` to `max` */
export function integerFlag(flag: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= min && number <= max) return number
  throw new UsageError(`${flag} ${text} is not allowed; it must be an integer from ${min} to ${max}`)
}
