import type { FaultReason } from './faults.js'
import { isLonger, maxNameLength, maxShortLength } from './limits.js'
import { type Message, messageAt, messagesAt, textAt } from './message.js'
import { type Tags, tagsOf } from './tags.js'

/** What all points of one scope of one resource have in common. */
export type Source = {
  service: string
  /** What is wrong with each of its points, if something is. */
  fault: FaultReason | undefined
  /** Members of its records. */
  environment: string
  agentVersion: string
  /** As a member of its records, with its comma; '' for none. */
  scope: string
  scopeAttributes: readonly Message[]
  /** Attributes of the resource that are no member of the record. */
  resourceTags: Tags
}

export type SourceDefaults = { environment: string; agentVersion: string }

export const unknownService = 'unknown_service'

/** The source of each scope of a resource. */
export function createSources(defaults: SourceDefaults) {
  return function sourceOf(resourceMetrics: Message): Omit<Source, 'scope' | 'scopeAttributes'> {
    const resource = messageAt(resourceMetrics, 'resource')
    const tags = tagsOf(resource)
    const strings = stringsOf(resource)
    const take = (name: string, mostCharacters = Infinity): string | undefined => {
      const text = strings.get(name)
      if (text === undefined || text === '' || isLonger(text, mostCharacters)) return undefined
      tags.delete(name)
      return text
    }
    const service = take('service.name') ?? unknownService
    const environment =
      take('deployment.environment.name', maxShortLength) ?? take('deployment.environment', maxShortLength)
    const agentVersion = agentVersionOf(strings)
    if (agentVersion !== undefined) for (const name of sdkNames) tags.delete(name)
    return {
      service,
      fault: isLonger(service, maxNameLength) ? 'service_name.maxLength' : undefined,
      environment: environment ?? defaults.environment,
      agentVersion: agentVersion ?? defaults.agentVersion,
      resourceTags: tags,
    }
  }
}

const sdkNames = ['telemetry.sdk.name', 'telemetry.sdk.version'] as const

function agentVersionOf(strings: ReadonlyMap<string, string>): string | undefined {
  const [name = '', version = ''] = sdkNames.map((each) => strings.get(each))
  const both = `${name}/${version}`
  return name === '' || version === '' || isLonger(both, maxShortLength) ? undefined : both
}

/** The first attribute of each name, where it is a string. */
function stringsOf(resource: Message | undefined): Map<string, string> {
  const strings = new Map<string, string>()
  const seen = new Set<string>()
  for (const attribute of resource === undefined ? [] : messagesAt(resource, 'attributes')) {
    const name = textAt(attribute, 'key')
    const value = messageAt(attribute, 'value')
    if (!seen.has(name) && value?.stringValue != null) strings.set(name, textAt(value, 'stringValue'))
    seen.add(name)
  }
  return strings
}

export function scopeMember(scope: Message | undefined): string {
  const name = scope === undefined ? '' : textAt(scope, 'name')
  if (scope === undefined || name === '') return ''
  const version = textAt(scope, 'version')
  return `,"scope":{"name":${JSON.stringify(name)}${version === '' ? '' : `,"version":${JSON.stringify(version)}`}}`
}
