/** Agents choose the names of their services, so control characters must not reach the terminal. */
const steering = /[\p{C}\p{Zl}\p{Zp}]/gu

/** The text on one line, with everything replaced that is not printable. */
export function terminalText(text: string): string {
  return text.replace(steering, '\ufffd')
}
