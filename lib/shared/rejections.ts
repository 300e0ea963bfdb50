/**
 * How many metrics were rejected, by reason: a field and what is wrong with it in JSON Schema's words, such as
 * "value.type". The reasons are few, since nothing in them comes from a request.
 */
export type Rejections = Readonly<Record<string, number>>

export const noRejections: Rejections = {}

/** The metrics rejected for whatever reason. */
export function totalOf(rejections: Rejections): number {
  return Object.values(rejections).reduce((sum, count) => sum + count, 0)
}

/** With `more` metrics rejected for a reason. */
export function withReason(rejections: Rejections, reason: string, more: number): Rejections {
  return { ...rejections, [reason]: (rejections[reason] ?? 0) + more }
}
