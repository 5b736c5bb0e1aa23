import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { ListReport } from '../../rules/lists/list-types.js'
import { count, number } from './show.js'

/**
 * What a file of a list was taken for, and a second line where there is something in it that cannot
 * mean anything here: `list ads, lists/ads.txt: adblock, by all of its first 8 lines; 8 names`.
 */
export function listLines({ id, shown, format, by, names, inapplicable }: ListReport): string[] {
  const why = by === undefined ? 'as the rules say' : `by ${by}`
  const many = [...inapplicable].map(([kind, n]) => `${kind} (${number(n)})`)
  const what = format === 'addresses' ? count(names, 'address', 'addresses') : count(names, 'name')
  const first = `list ${id}, ${escapeControls(shown)}: ${format}, ${why}; ${what}`
  return many.length === 0 ? [first] : [first, `  not applicable: ${many.join(', ')}`]
}

/** The same for programs; public. */
export function listJson({ id, shown, format, by, names, inapplicable }: ListReport): object {
  return {
    list: id,
    file: shown,
    format,
    recognised: by ?? null,
    names,
    notApplicable: Object.fromEntries(inapplicable)
  }
}
