/** A count or a rate in few characters: 950, 12.3 k, 4.56 M. */
export function shortNumber(value: number): string {
  if (value < 10 && value % 1 !== 0) return value.toFixed(1)
  const [unit = '', divisor = 1] =
    value < 10_000 ? [] : value < 1e6 ? ['k', 1e3] : value < 1e9 ? ['M', 1e6] : ['G', 1e9]
  const shown = value / divisor
  const digits = divisor === 1 || shown >= 100 ? 0 : shown >= 10 ? 1 : 2
  return unit === '' ? Math.round(value).toLocaleString('en') : `${Number(shown.toFixed(digits))} ${unit}`
}

/** Bytes in binary units: 512 B, 12.3 KiB, 4.5 MiB. */
export function shortBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let shown = bytes
  let unit = 0
  while (shown >= 1024 && unit < units.length - 1) {
    shown /= 1024
    unit++
  }
  return `${unit === 0 || shown >= 100 ? Math.round(shown) : shown.toFixed(1)} ${units[unit]}`
}

/** Seconds as milliseconds with a useful number of digits; a dash for none. */
export function shortMs(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  const ms = seconds * 1000
  return ms >= 100 ? String(Math.round(ms)) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)
}

/** A time span by its two largest units: 3 d 4 h, 12 min 5 s. */
export function shortSpan(seconds: number): string {
  const parts: string[] = []
  let rest = Math.floor(seconds)
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const n = Math.floor(rest / size)
    rest -= n * size
    if (n > 0 || (unit === 's' && parts.length === 0)) parts.push(`${n} ${unit}`)
  }
  return parts.slice(0, 2).join(' ')
}
