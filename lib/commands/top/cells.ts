import { eastAsianWidth } from 'get-east-asian-width'
import { terminalText } from '../terminal-text.js'

export type Tone = 'plain' | 'quiet' | 'strong' | 'good' | 'warn' | 'bad' | 'accent'

/** A piece of a line that has one tone. */
export type Piece = { text: string; tone: Tone }
export type Line = Piece[]

const combining = /\p{M}/u

export function piece(text: string, tone: Tone = 'plain'): Piece {
  return { text: terminalText(text), tone }
}

/** The line, cut or padded to exactly this many columns. */
export function fit(line: Line, columns: number): Line {
  const fitted: Line = []
  let left = columns
  for (const { text, tone } of line) {
    const shown = cut(text, left)
    fitted.push({ text: shown, tone })
    left -= widthOf(shown)
    if (shown !== text) break
  }
  return [...fitted, piece(' '.repeat(left))]
}

/** The piece, right-aligned in exactly this many columns. */
export function fitRight({ text, tone }: Piece, columns: number): Line {
  const shown = cut(text, columns)
  return [piece(' '.repeat(columns - widthOf(shown))), { text: shown, tone }]
}

export function widthOfLine(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOf(text), 0)
}

function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += widthOfCharacter(character)
  return width
}

function widthOfCharacter(character: string): number {
  return combining.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0)
}

function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let left = columns - 1
  for (const character of text) {
    left -= widthOfCharacter(character)
    if (left < 0) break
    kept += character
  }
  return `${kept}…`
}

/** SGR parameters (ECMA-48, section 8.3.117). */
const codes: Record<Tone, string> = {
  plain: '',
  quiet: '2',
  strong: '1',
  good: '32',
  warn: '33',
  bad: '31',
  accent: '36',
}

/** The line with the control sequences that colour it. */
export function paint(line: Line, colours: boolean): string {
  const painted = line.map(({ text, tone }) =>
    colours && codes[tone] !== '' && text !== '' ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text,
  )
  return painted.join('')
}
