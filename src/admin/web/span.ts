const UNITS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}

/** A span such as `24h` or `7d`, in milliseconds; undefined: it is something else. */
export function readSpan(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNITS[unit!]!
}
