/**
 * What differs from run to run in a block marked `varies`, and its placeholder. docs/internals/testing.md lists
 * them.
 */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/MCowBQYDK2VwAyEA[\w+/]+=*/g, 'KEY'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, 'TIME'],
  [/\b\d{4}-\d\d-\d\d\b/g, 'DATE'],
  [/\b[\da-f]{8,}\b/g, 'HASH'],
  [/\b[\w-]{40,}\b/g, 'TOKEN'],
  [/\b1\d{9}\b/g, 'SERIAL'],
  [/\b([\da-f]{2}:){8,}[\da-f]{2}\b/g, 'OCTETS'],
  [/\b[\d.,]+ (ms|s|min|h|d|days?|hours?|minutes?|seconds?)\b/g, 'DURATION'],
  [/\b[\d.,]+ (bytes|kB|KB|MB|GB)\b/g, 'SIZE'],
  [/\bid: \d+/g, 'ID'],
  [/\bprocess \d+/g, 'PROCESS'],
  // Columns are as wide as what is in them.
  [/ {2,}/g, ' '],
  [/-{3,}/g, '---']
]

/** Output in which everything that differs from run to run is a placeholder. */
export function mask(output: string): string {
  return PLACEHOLDERS.reduce((text, [pattern, name]) => text.replace(pattern, name), output)
}
