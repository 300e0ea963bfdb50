/** Characters of the name of a service, or of a metric with the suffix of its record. */
export const maxNameLength = 255
/** Characters of an environment and of an agent's version. */
export const maxShortLength = 50
/** Attributes of a point, its scope and its resource together; and those of an exemplar. */
export const maxTags = 1000

/** Whether it has more characters, as JSON Schema counts them: code points. */
export function isLonger(text: string, most: number): boolean {
  return text.length > most && [...text].length > most
}
