import { fit, type Line, piece } from './cells.js'
import { figures, heading, ledger, machines, noticeOf, type Seen, senders } from './sections.js'

export type View = {
  /** Undefined until the collector has answered once. */
  seen: Seen | undefined
  /** Why the last poll failed, if it did. */
  failure: string | undefined
  /** The last line, where the page is redrawn. */
  footer: string
}

export type Size = { columns: number; rows: number }

/** The page in at most this many lines and columns. What matters least is left out first. */
export function drawPage({ seen, failure, footer }: View, { columns, rows }: Size): Line[] {
  const room = footer === '' ? rows : rows - 1
  const lines = seen === undefined ? [[piece('vantage-collector', 'strong')]] : [heading(seen, columns)]
  lines.push(noticeLine(seen, failure))
  if (seen !== undefined) {
    lines.push(...figures(seen, columns), [], ...ledger(seen, columns), [])
    // A third of what is left for machines, which are few, and the rest for senders; each has a head and a line between.
    const most = Math.max(1, Math.floor((room - lines.length) / 3))
    lines.push(...machines(seen, columns, most), [])
    lines.push(...senders(seen, columns, room - lines.length - 1))
  }
  if (footer !== '') {
    lines.length = Math.min(lines.length, room)
    while (lines.length < room) lines.push([])
    lines.push([piece(footer, 'quiet')])
  }
  return lines.slice(0, rows).map((line) => fit(line, columns))
}

function noticeLine(seen: Seen | undefined, failure: string | undefined): Line {
  if (failure === undefined) return seen === undefined ? [] : noticeOf(seen)
  return [piece(seen === undefined ? failure : `Last figures; ${failure}`, 'bad')]
}
