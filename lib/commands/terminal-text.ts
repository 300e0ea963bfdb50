/** Agents choose the names of their services: what would steer the terminal must not get to it. */
const steering = /[\p{C}\p{Zl}\p{Zp}]/gu

/** The text as a terminal may show it: on one line, and nothing but what can be read. */
export function terminalText(text: string): string {
  return text.replace(steering, '\ufffd')
}
