/** SGR codes of ECMA-48 §8.3.117. */
const COLOUR: Readonly<Record<string, number>> = { info: 32, warn: 33, error: 31 }
const DIM = 2
const WIDTH = 'error'.length

/** Characters that a terminal could interpret as control sequences. */
const CONTROL = /\p{Cc}|\p{Cf}|\u2028|\u2029/gu

interface ServiceLine {
  readonly level: string
  readonly time: string
  readonly msg?: string
  readonly [field: string]: unknown
}

/**
 * Formats a JSON line of the service log for a terminal: `09:26:53.123 warn  no answer from
 * upstream upstream=192.0.2.53 tries=3`. Times are in UTC.
 */
export function formatTerminalLine(json: string, colours: boolean): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as ServiceLine
  const paint = (code: number, text: string): string =>
    colours ? `\u001b[${code}m${text}\u001b[0m` : text
  const words = [
    paint(DIM, time.slice('2023-03-13T'.length, -1)),
    paint(COLOUR[level] ?? 0, level.padEnd(WIDTH)),
    escapeControls(msg ?? ''),
    ...Object.entries(fields).map(([name, value]) =>
      paint(DIM, `${escapeControls(name)}=${formatValue(value)}`)
    )
  ]
  return `${words.join(' ')}\n`
}

/** A plain word as is, anything else as JSON; for an error, its code and message. */
function formatValue(value: unknown): string {
  if (isError(value)) return escapeControls([value.code, value.message].filter(Boolean).join(': '))
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return escapeControls(value)
  return escapeControls(JSON.stringify(value))
}

/** An error as serialized by pino. */
function isError(value: unknown): value is { code?: string; message: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value
}

/** Escapes all characters that a terminal could interpret as control sequences. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROL, character => {
    const code = character.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })
}
