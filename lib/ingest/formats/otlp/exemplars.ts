import { doubleAt, integerAt, type Message, messagesAt, millisecondsAt, textAt } from './message.js'
import { tagsMember, tagsOf } from './tags.js'
import { integerText, numberText } from './values.js'

const hex = /^[\da-f]+$/

/** The member `exemplars` of a record, with its comma; '' for none. Those without a finite value are left out. */
export function exemplarsMember(point: Message): string {
  const exemplars = messagesAt(point, 'exemplars').flatMap((exemplar) => exemplarText(exemplar) ?? [])
  return exemplars.length === 0 ? '' : `,"exemplars":[${exemplars}]`
}

function exemplarText(exemplar: Message): string | undefined {
  const value = valueText(exemplar)
  if (value === undefined) return undefined
  const timestamp = millisecondsAt(exemplar, 'timeUnixNano')
  const members = [
    timestamp === 0 ? '' : `"timestamp":${timestamp},`,
    `"value":${value}`,
    idMember(exemplar, 'traceId', 'trace_id'),
    idMember(exemplar, 'spanId', 'span_id'),
    tagsMember(tagsOf(exemplar, 'filteredAttributes')),
  ]
  return `{${members.join('')}}`
}

function valueText(exemplar: Message): string | undefined {
  if (exemplar.asInt != null) return integerText(integerAt(exemplar, 'asInt', true))
  const value = doubleAt(exemplar, 'asDouble')
  return value === undefined || !Number.isFinite(value) ? undefined : numberText(value)
}

function idMember(exemplar: Message, from: string, to: string): string {
  const id = textAt(exemplar, from).toLowerCase()
  return hex.test(id) ? `,"${to}":"${id}"` : ''
}
