import type { AgeLimits, Fault } from '../../metric.js'
import { exemplarsMember } from './exemplars.js'
import { type FaultReason, faultTexts } from './faults.js'
import { Found } from './found.js'
import { httpMembers } from './http-members.js'
import { createKinds, type Kind, type Part, type Skip } from './kinds.js'
import { isLonger, maxNameLength, maxTags } from './limits.js'
import { integerAt, type Message, messageAt, messagesAt, millisecondsAt, textAt } from './message.js'
import { createSources, type Source, type SourceDefaults, scopeMember, unknownService } from './source.js'
import { addAttributes, type Tags, tagsMember, tagsOf } from './tags.js'

export type PointOptions = SourceDefaults &
  AgeLimits & {
    /** Whether histograms have records of buckets, too. */
    buckets: boolean
    /** Of the records of one request. */
    maxBytes: number
  }

/** When a request is read, and what each of its records gets. */
export type Reading = {
  /** Unix ms. */
  now: number
  oldest: number
  newest: number
  /** Members with their commas, such as `,"trace_id":"..."`. */
  suffix: string
}

/** A point, and what it stands in. */
export type Place = {
  resourceMetrics: Message
  scopeMetrics: Message
  metric: Message
  /** The member of the metric that `data` is. */
  kindName: string
  data: Message
  point: Message
}

export type OnRejected = (place: Place, service: string, fault: Fault) => void

const noRecordedValueFlag = 1n
const temporalities: Readonly<Record<string, string>> = {
  1: 'delta',
  AGGREGATION_TEMPORALITY_DELTA: 'delta',
  2: 'cumulative',
  AGGREGATION_TEMPORALITY_CUMULATIVE: 'cumulative',
}

/**
 * Judges each point of an export request and makes the records of the good ones: docs/formats.md has the mapping. The function it
 * returns throws {@link Malformed} for what is no export request.
 */
export function createReadPoints(options: PointOptions) {
  const kinds = createKinds(options.buckets)
  const sourceOf = createSources(options)
  const texts = faultTexts(options)

  return function readPoints(request: Message, reading: Reading, onRejected: OnRejected = () => undefined): Found {
    const found = new Found(options.maxBytes)
    for (const resourceMetrics of messagesAt(request, 'resourceMetrics')) {
      const resource = sourceOf(resourceMetrics)
      for (const scopeMetrics of messagesAt(resourceMetrics, 'scopeMetrics')) {
        const source = withScope(resource, messageAt(scopeMetrics, 'scope'))
        for (const metric of messagesAt(scopeMetrics, 'metrics'))
          readMetric({ resourceMetrics, scopeMetrics, metric }, source)
      }
    }
    return found

    function readMetric(stand: Omit<Place, 'kindName' | 'data' | 'point'>, source: Source): void {
      const { metric } = stand
      const kindName = Object.keys(kinds).find((name) => metric[name] != null)
      const kind = kindName === undefined ? undefined : kinds[kindName]
      const data = kindName === undefined ? undefined : messageAt(metric, kindName)
      if (kindName === undefined || kind === undefined || data === undefined) return
      const name = textAt(metric, 'name')
      const fault = source.fault ?? nameFault(name, kind)
      const service = source.fault === undefined ? source.service : unknownService
      const write = createWrite(source, metric, data, reading)
      for (const point of messagesAt(data, 'dataPoints')) {
        found.receive(service)
        const tags = tagsOf(point)
        const verdict = fault === undefined ? judge(point, data, kind, source, tags) : { fault }
        if ('parts' in verdict) found.accept(service, write(point, verdict))
        else if ('skip' in verdict) found.skip(verdict.skip)
        else {
          const { fault: reason } = verdict
          found.reject(reason, texts[reason], name)
          onRejected({ ...stand, kindName, data, point }, service, { reason, text: texts[reason] })
        }
      }
    }

    function judge(point: Message, data: Message, kind: Kind, source: Source, tags: Tags): Verdict {
      if ((integerAt(point, 'flags') & noRecordedValueFlag) !== 0n) return { skip: 'no_recorded_value' }
      const timestamp = millisecondsAt(point, 'timeUnixNano')
      if (timestamp !== 0 && timestamp < reading.oldest) return { fault: 'timestamp.age' }
      if (timestamp > reading.newest) return { fault: 'timestamp.future' }
      const parts = kind.partsOf(point, data)
      if (!('length' in parts)) return parts
      addAttributes(tags, source.scopeAttributes)
      for (const [name, text] of source.resourceTags) if (!tags.has(name)) tags.set(name, text)
      if (tags.size > maxTags || hasLongExemplar(point)) return { fault: 'tags.maxProperties' }
      return { parts, timestamp: timestamp || reading.now, tags }
    }
  }
}

type Good = { parts: readonly Part[]; timestamp: number; tags: Tags }
type Verdict = Good | { skip: Skip } | { fault: FaultReason }

function nameFault(name: string, { longestSuffix }: Kind): FaultReason | undefined {
  if (name === '') return 'metric_name.minLength'
  return isLonger(name, maxNameLength - longestSuffix.length) ? 'metric_name.maxLength' : undefined
}

function hasLongExemplar(point: Message): boolean {
  return messagesAt(point, 'exemplars').some((exemplar) => tagsOf(exemplar, 'filteredAttributes').size > maxTags)
}

function withScope(resource: Omit<Source, 'scope' | 'scopeAttributes'>, scope: Message | undefined): Source {
  const scopeAttributes = scope === undefined ? [] : messagesAt(scope, 'attributes')
  return { ...resource, scope: scopeMember(scope), scopeAttributes }
}

/** Writes the records of the points of one metric. */
function createWrite(source: Source, metric: Message, data: Message, { suffix }: Reading) {
  const name = textAt(metric, 'name')
  const unit = textAt(metric, 'unit')
  const temporality = temporalities[String(data.aggregationTemporality ?? 0)]
  const service = `,"service_name":${JSON.stringify(source.service)},"metric_name":`
  const common = [
    `,"environment":${JSON.stringify(source.environment)},"agent_version":${JSON.stringify(source.agentVersion)}`,
    unit === '' ? '' : `,"unit":${JSON.stringify(unit)}`,
    temporality === undefined ? '' : `,"temporality":"${temporality}"`,
  ].join('')

  return function write(point: Message, { parts, timestamp, tags }: Good): string[] {
    const start = millisecondsAt(point, 'startTimeUnixNano')
    const behindTags = `${httpMembers(messagesAt(point, 'attributes'))}${common}${start === 0 ? '' : `,"start_timestamp":${start}`}${source.scope}`
    const plainTags = tagsMember(tags)
    const exemplars = exemplarsMember(point)
    return parts.map((part, n) => {
      const head = `{"timestamp":${timestamp}${service}${JSON.stringify(name + part.suffix)},"metric_type":"${part.type}"`
      const histogram = part.histogram === undefined ? '' : `,"histogram":${part.histogram}`
      const ownTags =
        part.tag === undefined ? plainTags : tagsMember(new Map([part.tag, ...withoutName(tags, part.tag)]))
      return `${head},"value":${part.value}${histogram}${ownTags}${behindTags}${n === 0 ? exemplars : ''}${suffix}}`
    })
  }
}

function withoutName(tags: Tags, [name]: readonly [string, string]) {
  return [...tags].filter(([other]) => other !== name)
}
