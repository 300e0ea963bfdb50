// Building blocks of the status page.

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`status.html has no #${id}`)
  return found
}

export function setText(id: string, text: string): void {
  byId(id).textContent = text
}

export function element(tag: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

export function row(...cells: HTMLElement[]): HTMLElement {
  const made = element('tr')
  made.append(...cells)
  return made
}

export function emptyRow(text: string, columns: number): HTMLElement {
  const cell = element('td', 'empty', text)
  cell.setAttribute('colspan', String(columns))
  return row(cell)
}

export function number(text: string): HTMLElement {
  return element('td', 'number', text)
}

export function pill(text: string, tone: string): HTMLElement {
  const made = element('span', 'pill', text)
  made.dataset.tone = tone
  return made
}

/** A share as a bar; the number that it shows stands beside it. */
export function bar(share: number): HTMLElement {
  const made = element('span', 'meter')
  made.setAttribute('aria-hidden', 'true')
  const filled = element('i')
  filled.style.width = `${Math.round(100 * share)}%`
  made.append(filled)
  return made
}

export function term(name: string, value: string): HTMLElement {
  const made = element('div')
  made.append(element('dt', '', name), element('dd', '', value))
  return made
}
