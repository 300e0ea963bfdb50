import { readFileSync } from 'node:fs'

export type DocBlock = {
  /** Its first line in the page. */
  line: number
  language: string
  code: string
  /** Why it is not run, where the page says so. */
  notRun: string | undefined
}

const fence = /(?:<!-- not run: (.+?) -->\n\s*)?^( *)```(\w*)\n([\s\S]*?)^\2```$/gm

/**
 * The code blocks of a page of Markdown. A block that is not to be run has a comment above it that says why:
 * `<!-- not run: needs a cluster -->`.
 */
export function blocksOf(path: string): DocBlock[] {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(fence)].map(({ index, 1: notRun, 2: indent = '', 3: language = '', 4: code = '' }) => ({
    line: text.slice(0, index).split('\n').length,
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    notRun,
  }))
}
