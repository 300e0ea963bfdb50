import type { AgeLimits } from '../../metric.js'
import { maxNameLength, maxTags } from './limits.js'

/** What is wrong with a rejected point, by reason. */
export type FaultTexts = ReturnType<typeof faultTexts>
export type FaultReason = keyof FaultTexts

export function faultTexts({ maxAgeHours, maxFutureHours }: AgeLimits) {
  return {
    'service_name.maxLength': `service.name has more than ${maxNameLength} characters`,
    'metric_name.minLength': 'its metric has no name',
    'metric_name.maxLength': `the name of its metric has more than ${maxNameLength} characters, the longest suffix of its records included`,
    'timestamp.age': `it is older than ${maxAgeHours} hours`,
    'timestamp.future': `it is more than ${maxFutureHours} hours in the future`,
    'histogram.bounds': 'its bounds must be finite and ascending, with one count more than bounds',
    'tags.maxProperties': `it has more than ${maxTags} attributes`,
  } as const
}
