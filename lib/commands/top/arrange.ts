import { fit, fitRight, type Line, type Piece, piece, widthOfLine } from './cells.js'

/** A column of a table. Numbers are aligned right; text has a space behind it. The last column has no limit. */
export type Column = { title: string; width?: number; numeric?: boolean }

export function tableHead(columns: Column[]): Line {
  return tableRow(
    columns,
    columns.map(({ title }) => ({ text: title, tone: 'quiet' })),
  )
}

export function tableRow(columns: Column[], cells: Piece[]): Line {
  return cells.flatMap((cell, n) => {
    const { width, numeric = false } = columns[n] ?? {}
    if (width === undefined) return [cell]
    return numeric ? fitRight(cell, width) : [...fit([cell], width - 1), piece(' ')]
  })
}

/** One text at the left end of the line, and one at its right end. */
export function spread(left: Line, right: Line, columns: number): Line {
  const rightColumns = Math.min(columns, widthOfLine(right))
  return [...fit(left, columns - rightColumns), ...fit(right, rightColumns)]
}

/** Puts pieces into as few lines as hold them, with a space between them. */
export function wrap(pieces: Piece[], columns: number): Line[] {
  const lines: Line[] = []
  let line: Line = []
  for (const next of pieces) {
    const longer: Line = line.length === 0 ? [next] : [...line, piece(' '), next]
    if (line.length > 0 && widthOfLine(longer) > columns) {
      lines.push(line)
      line = [next]
    } else line = longer
  }
  return [...lines, line]
}

/** Two blocks, each line of the left one in `leftColumns` before its neighbour. */
export function beside(left: Line[], right: Line[], leftColumns: number): Line[] {
  const height = Math.max(left.length, right.length)
  return Array.from({ length: height }, (_, n) => [...fit(left[n] ?? [], leftColumns), ...(right[n] ?? [])])
}
