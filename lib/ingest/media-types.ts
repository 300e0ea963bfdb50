/** What a format of JSON says that it takes. */
export const json = 'application/json'

/** text/json was never registered, and is sent all the same. */
const jsonForm = /^\s*(?:application\/(?:[\w.-]+\+)?|text\/)json\s*(?:;|$)/i

/** Whether a Content-Type says JSON, or nothing. */
export function isJson(contentType: string): boolean {
  return contentType === json || contentType === '' || jsonForm.test(contentType)
}
