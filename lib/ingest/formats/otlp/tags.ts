import { type Message, messageAt, messagesAt, textAt } from './message.js'
import { attributeText } from './values.js'

/** Tags by name. Of those with one name, the first counts. */
export type Tags = Map<string, string>

/** Adds those attributes whose names are not there yet. */
export function addAttributes(tags: Tags, attributes: readonly Message[]): void {
  for (const attribute of attributes) {
    const name = textAt(attribute, 'key')
    const text = attributeText(messageAt(attribute, 'value'))
    if (!tags.has(name)) tags.set(name, text)
  }
}

export function tagsOf(message: Message | undefined, member = 'attributes'): Tags {
  const tags: Tags = new Map()
  if (message !== undefined) addAttributes(tags, messagesAt(message, member))
  return tags
}

/** With their comma and name as members of a record; '' for none. */
export function tagsMember(tags: ReadonlyMap<string, string>): string {
  if (tags.size === 0) return ''
  const members: string[] = []
  for (const [name, text] of tags) members.push(`${JSON.stringify(name)}:${JSON.stringify(text)}`)
  return `,"tags":{${members}}`
}
