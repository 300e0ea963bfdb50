import { isLonger } from './limits.js'
import { integerAt, type Message, messageAt, textAt } from './message.js'

const maxEndpointLength = 500
const maxMethodLength = 10
const maxStatusCode = 999n

/**
 * The members that the attributes of a point of HTTP make, with their commas; '' for none. Of the names of OpenTelemetry's semantic
 * conventions, the older ones count where the newer are not there.
 */
export function httpMembers(attributes: readonly Message[]): string {
  const endpoint = stringOf(attributes, 'http.route', maxEndpointLength)
  const method =
    stringOf(attributes, 'http.request.method', maxMethodLength) ?? stringOf(attributes, 'http.method', maxMethodLength)
  const status = statusOf(attributes, 'http.response.status_code') ?? statusOf(attributes, 'http.status_code')
  return [
    endpoint === undefined ? '' : `,"endpoint":${JSON.stringify(endpoint)}`,
    method === undefined ? '' : `,"method":${JSON.stringify(method)}`,
    status === undefined ? '' : `,"status_code":${status}`,
  ].join('')
}

function attributeOf(attributes: readonly Message[], name: string): Message | undefined {
  const attribute = attributes.find(({ key }) => key === name)
  return attribute && messageAt(attribute, 'value')
}

function stringOf(attributes: readonly Message[], name: string, most: number): string | undefined {
  const value = attributeOf(attributes, name)
  const text = value === undefined ? '' : textAt(value, 'stringValue')
  return text === '' || isLonger(text, most) ? undefined : text
}

function statusOf(attributes: readonly Message[], name: string): bigint | undefined {
  const value = attributeOf(attributes, name)
  if (value?.intValue == null) return undefined
  const status = integerAt(value, 'intValue', true)
  return status < 0n || status > maxStatusCode ? undefined : status
}
