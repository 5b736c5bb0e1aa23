/** A position in a file; lines and columns count from 1. */
export type Position = { readonly file: string; readonly line: number; readonly column: number }

/** `FILE:LINE:COLUMN`, which editors and terminals make clickable. */
export function showPosition({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`
}
